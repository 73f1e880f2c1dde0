//! Who asks: somebody with the token, with a signed address, or a stranger.

use actix_web::HttpRequest;

use super::{
    Shared, gate, leases,
    problem::{Code, Problem},
};
use crate::{
    config::MayAsk,
    edge::Visitor,
    signing::{SignatureError, Signed},
    template::NotPublic,
};

/// The stranger who asks, unless it is somebody with a right.
pub fn visitor(request: &HttpRequest, shared: &Shared, signed: Option<&Signed>) -> Option<Visitor> {
    let known = signed.is_some() || leases::admit(request, shared).is_ok();
    (!known).then(|| Visitor { address: gate::client(request), work: shared.work.clone() })
}

/// The signature of an address, taken out of its query.
///
/// # Errors
/// `bad-signature`, `signature-expired`; `not-public` if none is shown where everybody has to.
pub fn signature(request: &HttpRequest, shared: &Shared, pairs: &mut Vec<(String, String)>) -> Result<Option<Signed>, Problem> {
    let checked =
        shared.signing_keys.check(request.uri().path(), pairs, shared.edge.now()).map_err(|error| Problem::internal(&error))?;
    match checked {
        Some(Ok(signed)) => Ok(Some(signed)),
        Some(Err(error @ SignatureError::Expired { .. })) => Err(Problem::new(Code::SignatureExpired, error.to_string())),
        Some(Err(error)) => Err(Problem::new(Code::BadSignature, error.to_string())
            .hint("docs/http.md says what is signed; `festoon sign url` does it")),
        None if shared.config.strangers.may == MayAsk::Nothing && leases::admit(request, shared).is_err() => {
            Err(Problem::from(&NotPublic::Anything))
        }
        None => Ok(None),
    }
}
