//! Addresses of this server, and reading queries.

use festoon_spec::{BlobHash, Profile};

use super::problem::{Code, Problem};
use crate::pick::Pick;

/// Pairs that a query may have.
const MOST_PAIRS: usize = 64;

/// Where a pick's clip is. The same pick has one address, whatever its order or defaults were.
pub fn of_clip(pick: &Pick) -> String {
    with_query(&path_of_clip(pick), &pairs(pick))
}

fn path_of_clip(pick: &Pick) -> String {
    format!("/v1/clips/{}/{}.{}", pick.template, pick.locale, pick.profile.extension())
}

/// The pairs that say what is picked.
fn pairs(pick: &Pick) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = pick.parameters.clone().into_iter().collect();
    let mut add = |name: &str, value: String| pairs.push((name.to_owned(), value));
    if let Some(ratio) = pick.ratio {
        add("ratio", ratio.to_string());
    }
    if pick.variation != 0 {
        add("variation", pick.variation.to_string());
    }
    if let Some(at) = pick.at {
        add("at", at.to_string());
    }
    if Profile::of_extension(pick.profile.extension()) != Some(pick.profile) {
        add("profile", pick.profile.name().to_owned());
    }
    pairs
}

fn with_query(path: &str, pairs: &[(String, String)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{path}{mark}{query}")
}

/// The address of a clip as festoon spells it, if it was asked for at another spelling: with these pairs, at this locale.
/// The order of the pairs and their escapes make no other spelling, since every cache in front can sort them.
///
/// `pick` is [spelt](Pick::spelt). `nearest` is whether something else may stand in for it.
pub fn respelt(pick: &Pick, nearest: bool, locale: &str, given: &[(String, String)]) -> Option<String> {
    let mut canonical = pairs(pick);
    if nearest {
        canonical.push(("fallback".to_owned(), "nearest".to_owned()));
    }
    let sorted = |pairs: &[(String, String)]| {
        let mut pairs = pairs.to_vec();
        pairs.sort_unstable();
        pairs
    };
    if locale == pick.locale.as_str() && sorted(given) == sorted(&canonical) {
        return None;
    }
    Some(with_query(&path_of_clip(pick), &canonical))
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
