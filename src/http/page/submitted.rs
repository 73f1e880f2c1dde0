//! What a form sends.

use actix_web::{HttpRequest, web};

use crate::http::{Shared, body, problem::Problem};

/// The fields of a form, in the order in which they came.
pub struct Submitted(Vec<(String, String)>);

impl Submitted {
    /// Reads at most so many bytes.
    ///
    /// # Errors
    /// `body-too-large`, `too-slow`, `bad-body`.
    pub async fn read(request: &HttpRequest, shared: &Shared, payload: web::Payload, most: usize) -> Result<Self, Problem> {
        let form = body::collect(request, payload, most, shared.config.limits.body_seconds).await?;
        Ok(Self(form_urlencoded::parse(&form).into_owned().collect()))
    }

    /// What a field says; nothing if it is not there.
    pub fn one<'a>(&'a self, name: &'a str) -> &'a str {
        self.all(name).next().unwrap_or_default()
    }

    /// What every field of this name says.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}
