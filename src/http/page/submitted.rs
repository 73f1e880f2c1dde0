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

    /// A form that nobody sent.
    pub fn nothing() -> Self {
        Self(Vec::new())
    }

    /// Pairs of an address, read alike.
    pub fn of(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// The fields whose names begin so: the rest of the name, and what it says.
    pub fn beginning<'a>(&'a self, with: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(with)?, value.as_str())))
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
