//! Addresses of this server, and reading queries.

use festoon_spec::{BlobHash, Profile};

use super::problem::{Code, Problem};
use crate::pick::Pick;

/// Pairs that a query may have.
const MOST_PAIRS: usize = 64;

/// Where a pick's clip is. The same pick has one address, whatever its order or defaults were.
pub fn of_clip(pick: &Pick) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in &pick.parameters {
        query.append_pair(name, value);
    }
    if let Some(ratio) = pick.ratio {
        query.append_pair("ratio", &ratio.to_string());
    }
    if pick.variation != 0 {
        query.append_pair("variation", &pick.variation.to_string());
    }
    if let Some(at) = pick.at {
        query.append_pair("at", &at.to_string());
    }
    if Profile::of_extension(pick.profile.extension()) != Some(pick.profile) {
        query.append_pair("profile", pick.profile.name());
    }
    let query = query.finish();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("/v1/clips/{}/{}.{}{mark}{query}", pick.template, pick.locale, pick.profile.extension())
}

/// Where bytes are.
pub fn of_blob(blob: &BlobHash, profile: Profile) -> String {
    format!("/v1/blobs/{blob}.{}", profile.extension())
}

/// The pairs of a query.
///
/// # Errors
/// `bad-query` if there are too many, or a text is not UTF-8.
pub fn read_query(query: &str) -> Result<Vec<(String, String)>, Problem> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().take(MOST_PAIRS + 1).collect();
    if pairs.len() > MOST_PAIRS {
        return Err(Problem::new(Code::BadQuery, format!("more than {MOST_PAIRS} parameters")));
    }
    if pairs.iter().any(|(name, value)| name.contains('\u{fffd}') || value.contains('\u{fffd}')) {
        return Err(Problem::new(Code::BadQuery, "a text is not percent-encoded UTF-8"));
    }
    Ok(pairs)
}
