//! Signed addresses: who has a key may ask for anything that a template offers, and hand the address on until it expires.
//!
//! What is signed is the path and the pairs of the query, among them `kid` (which key) and `expires` (seconds since 1970), in
//! one canonical form, so that proxies may reorder and respell them: names and values percent-encoded except for `A-Z a-z 0-9 - . _
//! ~`, sorted by name and value in this form, joined by `=` and `&`. `sig` is the HMAC-SHA256 (RFC 2104, FIPS 180-4) of
//!
//! ```text
//! /v1/clips/new-year/ja-JP.mp4?expires=1798761600&kid=3f9a01c7&title=%E3%81%93…
//! ```
//!
//! under the key's secret as it is written, in lower-case hexadecimal digits.
//!
//! Two keys are live at a time, so that one can be replaced while addresses with the other are still out.

use std::{
    fmt::Write as _,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use festoon_spec::UnixMillis;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::store::{StoreError, durable, make_folder};

/// Name of the file in the state folder.
const FILE: &str = "signing-keys.json";
/// Keys that are live at a time.
const LIVE: usize = 2;
/// Names of the query that belong to a signature.
pub const NAMES: [&str; 3] = ["kid", "expires", "sig"];

/// A key.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningKey {
    /// What addresses call it.
    pub id: String,
    /// Never printed by the server, never logged.
    pub secret: String,
    /// When it was made.
    pub made_at: UnixMillis,
}

/// The file of keys.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    keys: Vec<SigningKey>,
}

/// The live keys of an installation, as they are in its state folder at this moment.
#[derive(Debug)]
pub struct SigningKeys {
    path: PathBuf,
    read: Mutex<Read>,
}

/// What was read last, and of which file.
#[derive(Debug, Default)]
struct Read {
    print: Option<[i64; 4]>,
    keys: Arc<Vec<SigningKey>>,
}

/// The file of keys cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum KeysError {
    /// Reading or writing failed.
    #[error("cannot use the signing keys: {0}")]
    #[diagnostic(help("make the file readable, and its folder writable, by the user that runs festoon"))]
    File(#[from] StoreError),
    /// It does not hold keys.
    #[error("{path} does not hold signing keys: {source}")]
    #[diagnostic(help("put it back from a backup, or remove it and make new keys with `festoon sign new-key`"))]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// There are two already.
    #[error("two keys are live: {first} and {second}")]
    #[diagnostic(help("when nobody uses addresses of the older one any more: festoon sign drop-key {first}"))]
    Full {
        /// The older one.
        first: String,
        /// The newer one.
        second: String,
    },
    /// There is none, or none of this name.
    #[error("there is no key {id}")]
    #[diagnostic(help("the keys are: {known}"))]
    NoKey {
        /// As asked.
        id: String,
        /// Those that there are.
        known: String,
    },
}

/// Why a signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// One of its parts is not there, or there twice.
    #[error("a signed address has `kid`, `expires` and `sig`, each once")]
    Parts,
    /// No live key has this name.
    #[error("`kid`: no key of this name is live")]
    UnknownKey,
    /// Not a moment.
    #[error("`expires`: expected seconds since 1970")]
    Moment,
    /// It does not belong to this address.
    #[error("`sig` does not belong to this address")]
    Wrong,
    /// It was right, once.
    #[error("the address expired {seconds} s ago")]
    Expired {
        /// How long ago.
        seconds: u64,
    },
}

impl SigningKeys {
    /// The keys of this state folder. The file is read when a signature is to be checked, and again when it changed.
    pub fn of(state: &Path) -> Self {
        Self { path: state.join(FILE), read: Mutex::default() }
    }

    /// The live ones, the oldest first.
    ///
    /// # Errors
    /// If the file cannot be read, or holds something else.
    pub fn live(&self) -> Result<Arc<Vec<SigningKey>>, KeysError> {
        let print = match fs::metadata(&self.path) {
            Ok(file) => Some([file.ino() as i64, file.len() as i64, file.mtime(), file.mtime_nsec()]),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(StoreError::at(&self.path, error).into()),
        };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.print != print {
            let keys = if print.is_some() { self.file()?.keys } else { Vec::new() };
            *read = Read { print, keys: keys.into() };
        }
        Ok(Arc::clone(&read.keys))
    }

    fn file(&self) -> Result<KeyFile, KeysError> {
        let text = match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(KeyFile::default()),
            read => read.map_err(|error| StoreError::at(&self.path, error))?,
        };
        serde_json::from_slice(&text).map_err(|source| KeysError::Content { path: self.path.clone(), source })
    }

    /// Makes one more.
    ///
    /// # Errors
    /// [`KeysError::Full`] if two are live; if the file cannot be used.
    pub fn make(&self, now: UnixMillis) -> Result<SigningKey, KeysError> {
        let mut file = self.file()?;
        if let [first, second, ..] = file.keys.as_slice() {
            return Err(KeysError::Full { first: first.id.clone(), second: second.id.clone() });
        }
        debug_assert!(file.keys.len() < LIVE);
        let random = || uuid::Uuid::new_v4().simple().to_string();
        let key = SigningKey { id: random()[..8].to_owned(), secret: random() + &random(), made_at: now };
        file.keys.push(key.clone());
        self.write(&file)?;
        Ok(key)
    }

    /// Ends one: addresses that it signed are refused from now on.
    ///
    /// # Errors
    /// [`KeysError::NoKey`]; if the file cannot be used.
    pub fn end(&self, id: &str) -> Result<(), KeysError> {
        let mut file = self.file()?;
        let before = file.keys.len();
        file.keys.retain(|key| key.id != id);
        if file.keys.len() == before {
            return Err(no_key(id, &file.keys));
        }
        self.write(&file)
    }

    /// The key of this name, or the newest.
    ///
    /// # Errors
    /// [`KeysError::NoKey`]; if the file cannot be used.
    pub fn choose(&self, id: Option<&str>) -> Result<SigningKey, KeysError> {
        let keys = self.file()?.keys;
        let chosen = match id {
            Some(id) => keys.iter().find(|key| key.id == id),
            None => keys.last(),
        };
        chosen.cloned().ok_or_else(|| no_key(id.unwrap_or("to sign with"), &keys))
    }

    /// For the eyes of festoon's user only, as every fresh file of `durable` is.
    fn write(&self, file: &KeyFile) -> Result<(), KeysError> {
        let staging = self.path.with_file_name("staging");
        let text = serde_json::to_vec_pretty(file).expect("texts and numbers become JSON");
        make_folder(&staging)?;
        Ok(durable::write(&self.path, &text, &staging)?)
    }

    /// Checks the signature of an address: its path, and the pairs of its query. `None` if it shows none. Takes the pairs that
    /// belong to the signature out.
    ///
    /// # Errors
    /// [`KeysError`] if the keys cannot be read, else why the signature does not hold.
    pub fn check(
        &self,
        path: &str,
        pairs: &mut Vec<(String, String)>,
        now: UnixMillis,
    ) -> Result<Option<Result<Signed, SignatureError>>, KeysError> {
        if !is_shown(pairs) {
            return Ok(None);
        }
        let keys = self.live()?;
        let checked = check(path, pairs, &keys, now);
        pairs.retain(|(name, _)| !NAMES.contains(&name.as_str()));
        Ok(Some(checked))
    }
}

/// Whether a query says anything of a signature.
pub fn is_shown(pairs: &[(String, String)]) -> bool {
    pairs.iter().any(|(name, _)| NAMES.contains(&name.as_str()))
}

/// A signature that holds.
#[derive(Debug, Clone)]
pub struct Signed {
    key: SigningKey,
    /// Until when.
    pub expires: UnixMillis,
}

impl Signed {
    /// Another address, with its query, that holds as long.
    pub fn address(&self, target: &str) -> String {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        format!("{path}?{}", self.query(path, &pairs))
    }

    /// The query of another address that holds as long.
    pub fn query(&self, path: &str, pairs: &[(String, String)]) -> String {
        sign(&self.key, path, pairs, self.expires)
    }
}

/// The query that an address with these pairs has when it is signed: the pairs with `kid`, `expires` and `sig`.
pub fn sign(key: &SigningKey, path: &str, pairs: &[(String, String)], expires: UnixMillis) -> String {
    let mut all = pairs.to_vec();
    all.push(("kid".into(), key.id.clone()));
    all.push(("expires".into(), (expires.0 / 1000).to_string()));
    let query = canonical_query(&all);
    let signature = mac(key, path, &query).finalize().into_bytes();
    let signature = signature.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a String takes everything");
        hex
    });
    format!("{query}&sig={signature}")
}

fn check(path: &str, pairs: &[(String, String)], keys: &[SigningKey], now: UnixMillis) -> Result<Signed, SignatureError> {
    let part = |name| {
        let mut values = pairs.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none()).ok_or(SignatureError::Parts)
    };
    let (kid, expires, sig) = (part("kid")?, part("expires")?, part("sig")?);
    let key = keys.iter().find(|key| key.id == kid).ok_or(SignatureError::UnknownKey)?;
    let digits = expires.len() <= 12 && expires.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: u64 = expires.parse().ok().filter(|_| digits).ok_or(SignatureError::Moment)?;
    let signed: Vec<(String, String)> = pairs.iter().filter(|(name, _)| name != "sig").cloned().collect();
    let shown: Option<Vec<u8>> = (sig.len() == 64 && sig.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| (0..32).map(|at| u8::from_str_radix(&sig[2 * at..2 * at + 2], 16).ok()).collect())
        .flatten();
    // In constant time.
    let holds = shown.is_some_and(|shown| mac(key, path, &canonical_query(&signed)).verify_slice(&shown).is_ok());
    if !holds {
        return Err(SignatureError::Wrong);
    }
    let expires = UnixMillis(seconds * 1000);
    if expires <= now {
        return Err(SignatureError::Expired { seconds: now.since(expires) / 1000 });
    }
    Ok(Signed { key: key.clone(), expires })
}

fn mac(key: &SigningKey, path: &str, query: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.secret.as_bytes()).expect("a key of HMAC has any length");
    for part in [path, "?", query] {
        mac.update(part.as_bytes());
    }
    mac
}

fn canonical_query(pairs: &[(String, String)]) -> String {
    let mut encoded: Vec<(String, String)> = pairs.iter().map(|(name, value)| (encode(name), encode(value))).collect();
    encoded.sort();
    encoded.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// As RFC 3986, section 2.3 and 2.1 say: everything but the unreserved characters, in capitals.
fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => write!(encoded, "%{byte:02X}").expect("a String takes everything"),
        }
        encoded
    })
}

fn no_key(id: &str, keys: &[SigningKey]) -> KeysError {
    let known: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    let known = if known.is_empty() { "none; make one with `festoon sign new-key`".to_owned() } else { known.join(", ") };
    KeysError::NoKey { id: id.to_owned(), known }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
    const PATH: &str = "/v1/clips/new-year/ja-JP.mp4";

    fn key() -> SigningKey {
        SigningKey { id: "k1".into(), secret: "s3cret".into(), made_at: NOW }
    }

    fn pairs(query: &str) -> Vec<(String, String)> {
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    fn checked(path: &str, query: &str, now: UnixMillis) -> Result<(), SignatureError> {
        check(path, &pairs(query), &[key()], now).map(drop)
    }

    #[test]
    fn a_signature_is_what_the_documentation_says() {
        let query = sign(&key(), PATH, &pairs("title=A%26B+c~"), NOW.plus_millis(60_000));
        // printf '%s' '/v1/clips/new-year/ja-JP.mp4?expires=1800000060&kid=k1&title=A%26B%20c~' | openssl dgst -sha256 -hmac s3cret
        let expected = "eb0ae272b7be291d66da11ad947f4842b7c91fa38ccce6ef7e49b4a25c3b1822";
        assert_eq!(query, format!("expires=1800000060&kid=k1&title=A%26B%20c~&sig={expected}"));
    }

    #[test]
    fn a_signature_holds_however_the_query_is_spelt() {
        let query = sign(&key(), PATH, &pairs("title=A%26B+c&palette=gold"), NOW.plus_millis(1000));
        checked(PATH, &query, NOW).unwrap();
        let (rest, signature) = query.rsplit_once('&').unwrap();
        let mut reordered: Vec<&str> = rest.split('&').rev().collect();
        reordered.insert(1, signature);
        checked(PATH, &reordered.join("&").replace("%20", "+"), NOW).unwrap();
    }

    #[test]
    fn a_signature_holds_for_its_own_address_only() {
        let query = sign(&key(), PATH, &pairs("title=A"), NOW.plus_millis(1000));
        let wrong = Err(SignatureError::Wrong);
        assert_eq!(checked("/v1/clips/new-year/ja-JP.webm", &query, NOW), wrong);
        assert_eq!(checked(PATH, &query.replace("title=A", "title=B"), NOW), wrong);
        assert_eq!(checked(PATH, &format!("{query}&palette=gold"), NOW), wrong);
        assert_eq!(checked(PATH, &query.replace("expires=1800000001", "expires=1900000001"), NOW), wrong);
        // A pair cannot be hidden in the value of another.
        let hidden = sign(&key(), PATH, &pairs("title=A%26palette%3Dgold"), NOW.plus_millis(1000));
        assert_eq!(checked(PATH, &hidden.replace("%26", "&").replace("%3D", "="), NOW), wrong);
        let (rest, right) = query.rsplit_once("sig=").unwrap();
        // `+f` is a number to a reader of numbers.
        let zero = (0..64).step_by(2).find(|at| right[*at..].starts_with('0')).unwrap();
        let plus = format!("{}%2B{}", &right[..zero], &right[zero + 1..]);
        for broken in ["", "00", &"g".repeat(64), &"é".repeat(32), &plus] {
            assert_eq!(checked(PATH, &format!("{rest}sig={broken}"), NOW), wrong, "{broken}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_signature_is_said() {
        let query = sign(&key(), PATH, &pairs("title=A"), NOW.plus_millis(1000));
        assert_eq!(checked(PATH, &query, NOW.plus_millis(31_000)), Err(SignatureError::Expired { seconds: 30 }));
        assert_eq!(checked(PATH, &query.replace("kid=k1", "kid=k2"), NOW), Err(SignatureError::UnknownKey));
        assert_eq!(checked(PATH, &query.replace("expires=1800000001", "expires=soon"), NOW), Err(SignatureError::Moment));
        assert_eq!(checked(PATH, "kid=k1&title=A", NOW), Err(SignatureError::Parts));
        assert_eq!(checked(PATH, &format!("{query}&kid=k1"), NOW), Err(SignatureError::Parts));
    }

    #[test]
    fn two_keys_are_live_and_one_is_replaced_while_the_server_runs() {
        let state = tempfile::tempdir().unwrap();
        let (keys, server) = (SigningKeys::of(state.path()), SigningKeys::of(state.path()));
        let check = |key: &SigningKey| {
            let mut asked = pairs(&sign(key, PATH, &pairs("title=A"), NOW.plus_millis(1000)));
            let checked = server.check(PATH, &mut asked, NOW).unwrap().unwrap();
            assert_eq!(asked, pairs("title=A"));
            checked.map(drop)
        };
        assert!(server.check(PATH, &mut pairs("title=A"), NOW).unwrap().is_none());
        let first = keys.make(NOW).unwrap();
        check(&first).unwrap();
        let second = keys.make(NOW).unwrap();
        check(&first).and(check(&second)).unwrap();
        let error = keys.make(NOW).unwrap_err().to_string();
        assert_eq!(error, format!("two keys are live: {} and {}", first.id, second.id));
        assert_eq!(keys.choose(None).unwrap().id, second.id);
        keys.end(&first.id).unwrap();
        assert_eq!(check(&first), Err(SignatureError::UnknownKey));
        check(&second).unwrap();
        assert!(matches!(keys.end(&first.id), Err(KeysError::NoKey { .. })));
        assert_eq!(fs::metadata(state.path().join(FILE)).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!format!("{second:?}").contains(&second.secret));
        fs::write(state.path().join(FILE), "{").unwrap();
        assert!(matches!(server.live(), Err(KeysError::Content { .. })));
    }
}
