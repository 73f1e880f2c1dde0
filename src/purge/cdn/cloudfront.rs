//! CloudFront knows paths, not tags, and wants requests signed (AWS Signature Version 4).

use std::collections::BTreeSet;

use chrono::DateTime;
use festoon_spec::UnixMillis;
use reqwest::Url;
use ring::{digest, hmac};

use super::Tag;

/// Paths with a `*` that one distribution invalidates at once.
pub const MOST_PATHS: usize = 15;
/// Its API lives in one region.
const REGION: &str = "us-east-1";

/// The paths of what carries these tags. What is not in a path (a locale, a key) takes all clips with it: too much is let go rather
/// than too little.
pub fn paths(tags: &[Tag]) -> Vec<String> {
    let path = |tag: &Tag| match tag {
        Tag::Template(template) => format!("/v1/clips/{template}*"),
        Tag::Locale(_) | Tag::Key(_) | Tag::Campaign(_) => "/v1/clips/*".to_owned(),
        Tag::Blob(blob) => format!("/v1/blobs/{blob}*"),
    };
    tags.iter().map(path).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The body of an invalidation. Paths are made of ids and digests, which XML need not escape.
pub fn batch(paths: &[String], reference: &str) -> String {
    let items: String = paths.iter().map(|path| format!("<Path>{path}</Path>")).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><InvalidationBatch xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\">\
         <CallerReference>{reference}</CallerReference><Paths><Items>{items}</Items><Quantity>{}</Quantity></Paths>\
         </InvalidationBatch>",
        paths.len()
    )
}

/// The header fields that sign a POST.
pub fn sign(url: &Url, body: &str, access_key: &str, secret_key: &str, now: UnixMillis) -> Vec<(&'static str, String)> {
    let time = DateTime::from_timestamp_millis(now.0 as i64).unwrap_or_default();
    let (day, moment) = (time.format("%Y%m%d").to_string(), time.format("%Y%m%dT%H%M%SZ").to_string());
    let host = match (url.host_str().unwrap_or_default(), url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };
    let content = hash(body.as_bytes());
    let canonical = format!(
        "POST\n{}\n\nhost:{host}\nx-amz-content-sha256:{content}\nx-amz-date:{moment}\n\nhost;x-amz-content-sha256;x-amz-date\n{content}",
        url.path()
    );
    let scope = format!("{day}/{REGION}/cloudfront/aws4_request");
    let wanted = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", hash(canonical.as_bytes()));
    let key = [day.as_str(), REGION, "cloudfront", "aws4_request"]
        .iter()
        .fold(format!("AWS4{secret_key}").into_bytes(), |key, text| seal(&key, text));
    let signature = hexadecimal(&seal(&key, &wanted));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={signature}"
    );
    vec![("x-amz-date", moment), ("x-amz-content-sha256", content), ("authorization", authorization)]
}

fn seal(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hash(bytes: &[u8]) -> String {
    hexadecimal(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_derived_as_in_the_example_of_the_signature_s_reference() {
        // AWS General Reference, "Deriving the signing key": 20120215, us-east-1, iam.
        let key = ["20120215", "us-east-1", "iam", "aws4_request"]
            .iter()
            .fold(b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_vec(), |key, text| seal(&key, text));
        assert_eq!(hexadecimal(&key), "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d");
        assert_eq!(hash(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn a_signature_covers_path_body_host_and_time() {
        let sign = |url: &str, body: &str, millis| {
            let signed = sign(&url.parse().unwrap(), body, "id", "secret", UnixMillis(millis));
            signed.into_iter().find(|(name, _)| *name == "authorization").unwrap().1
        };
        let one = sign("https://cloudfront.amazonaws.com/a", "x", 1_800_000_000_000);
        assert!(one.starts_with("AWS4-HMAC-SHA256 Credential=id/20270115/us-east-1/cloudfront/aws4_request, "), "{one}");
        for other in [
            sign("https://cloudfront.amazonaws.com/b", "x", 1_800_000_000_000),
            sign("https://example.com/a", "x", 1_800_000_000_000),
            sign("https://cloudfront.amazonaws.com/a", "y", 1_800_000_000_000),
            sign("https://cloudfront.amazonaws.com/a", "x", 1_800_000_001_000),
        ] {
            assert_ne!(one, other);
        }
    }
}
