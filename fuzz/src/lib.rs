//! What holds for any bytes that somebody sends: one function for each way in, which panics where it does not hold.
//! libFuzzer calls them (`make fuzz`), and so does an ordinary test with the bytes that are kept in `corpus/`.

use std::{collections::BTreeMap, fs, path::PathBuf, sync::LazyLock};

use festoon::{
    http::{
        conditions::{Conditions, Decision},
        plain::Read,
        target::Canonical,
    },
    makers::Makers,
    pick::Pick,
    signing::{SignatureError, SigningKey, SigningKeys, sign},
    template::{Known, check},
};
use festoon_spec::{EncoderId, UnixMillis};

/// Text of the bytes; those that are no text are not sent by anybody that festoon listens to.
fn lines<const COUNT: usize>(bytes: &[u8]) -> Option<[&str; COUNT]> {
    let mut lines = std::str::from_utf8(bytes).ok()?.split('\n');
    Some([(); COUNT].map(|()| lines.next().unwrap_or_default()))
}

/// `Range` and the fields about entity tags. Two bytes of length, one of the most ranges, then a line for each field.
pub fn conditions(bytes: &[u8]) {
    let Some(([low, high, most], rest)) = bytes.split_first_chunk() else { return };
    let Some([range, if_range, if_match, if_none_match]) = lines(rest) else { return };
    let (length, most) = (u64::from(u16::from_le_bytes([*low, *high])), usize::from(*most));
    let [range, if_range, if_match, if_none_match] =
        [range, if_range, if_match, if_none_match].map(|line| Some(line).filter(|line| !line.is_empty()));
    let asked = Conditions { range, if_range, if_match, if_none_match };
    let tag = "\"b3-00\"";
    let decision = asked.decide(tag, length, most);
    match &decision {
        Decision::Parts(parts) => {
            assert!((1..=most).contains(&parts.len()), "{} parts, {most} are allowed", parts.len());
            assert!(parts.iter().all(|part| part.start < part.end && part.end <= length), "{parts:?} of {length}");
            assert!(parts.windows(2).all(|pair| pair[0].end < pair[1].start), "{parts:?} touch");
            let list: Vec<String> = parts.iter().map(|part| format!("{}-{}", part.start, part.end - 1)).collect();
            let again = Conditions { range: Some(&format!("bytes={}", list.join(","))), ..asked };
            assert!(again.decide(tag, length, most) == decision, "{parts:?} are read differently");
        }
        Decision::Unchanged => assert!(if_none_match.is_some_and(|field| field.contains(tag) || field.contains('*'))),
        Decision::Failed => assert!(if_match.is_some()),
        Decision::Outside => assert!(range.is_some()),
        Decision::Whole => {}
    }
    // No representation, no range of it.
    let nothing = Conditions { if_match: None, if_none_match: None, ..asked }.decide(tag, 0, most);
    assert_eq!(nothing, Decision::Whole);
}

/// A request's head, as the express counter reads it: what it takes has one meaning, whoever else reads it.
pub fn head(bytes: &[u8]) {
    const MOST: usize = 16 << 10;
    const MOST_TARGET: usize = 8 << 10;
    let Read::Plain(plain) = Read::from(bytes, MOST, MOST_TARGET) else { return };
    let head = &bytes[..plain.length];
    assert!(head.len() <= MOST && plain.target.len() <= MOST_TARGET);
    assert!(plain.target.starts_with("/v1/") && !plain.target.contains(|letter: char| letter.is_ascii_whitespace()));
    // A reader that knows nothing of HTTP but lines. Empty ones in front of the first are legal (RFC 9112 §2.2).
    let text = String::from_utf8_lossy(head).to_lowercase();
    let lines: Vec<&str> = text.trim_start_matches(['\r', '\n']).split('\n').skip(1).collect();
    let Some((["" | "\r", ""], fields)) = lines.split_last_chunk().map(|(fields, end)| (end, fields)) else {
        panic!("no empty line at the end: {lines:?}")
    };
    assert!(fields.iter().all(|line| !line.is_empty() && *line != "\r"), "a head behind the head: {lines:?}");
    assert!(!fields.iter().any(|line| line.starts_with([' ', '\t']) || line.contains('\0')), "{lines:?}");
    let names: Vec<&str> = fields.iter().map(|line| line.split(':').next().unwrap_or_default().trim()).collect();
    for hidden in ["content-length", "transfer-encoding", "upgrade", "expect", "trailer", "authorization"] {
        assert!(!names.contains(&hidden), "`{hidden}` was overlooked in {lines:?}");
    }
    assert_eq!(names.iter().filter(|name| **name == "host").count(), 1, "{lines:?}");
    // What comes behind it changes nothing, and without its last byte it is not there yet.
    let more = [head, b"GET /v1/other HTTP/1.1\r\n\r\n"].concat();
    assert!(
        matches!(Read::from(&more, MOST, MOST_TARGET), Read::Plain(other) if other.length == plain.length && other.target == plain.target)
    );
    assert!(matches!(Read::from(&head[..head.len() - 1], MOST, MOST_TARGET), Read::Part));
}

/// Two targets, a line each: they have one canonical form only where a reader of queries finds the same in both.
pub fn query(bytes: &[u8]) {
    let Some([one, other]) = lines(bytes) else { return };
    let mut canonical = Canonical::default();
    let mut of = |target: &str| canonical.of(target).to_vec();
    let read = |target: &str| {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        pairs.sort();
        (path.to_owned(), pairs)
    };
    // A target is visible characters; a path has no zero, which the form is built on.
    if one.contains('\0') || other.contains('\0') {
        return;
    }
    let (first, second) = (of(one), of(other));
    assert!(first != second || read(one) == read(other), "{one} and {other} are confused");
    assert_eq!(first, Canonical::default().of(one), "what came before changes the form");
    let (path, pairs) = read(one);
    let lossless = !pairs.iter().any(|(name, value)| name.contains('\u{fffd}') || value.contains('\u{fffd}'));
    if lossless {
        let mut respelt = form_urlencoded::Serializer::new(String::new());
        respelt.extend_pairs(pairs.iter().rev());
        assert_eq!(of(&format!("{path}?{}", respelt.finish())), first, "order or spelling changes the form of {one}");
    }
}

/// The keys of an installation, and one of them.
static KEYS: LazyLock<(SigningKeys, SigningKey, tempfile::TempDir)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("signing-keys.json"), r#"{"keys":[{"id":"k1","secret":"s3cret","made_at":0}]}"#)
        .expect("a file in it");
    let keys = SigningKeys::of(folder.path());
    let key = keys.choose(None).expect("the key that was just written");
    (keys, key, folder)
});

/// An address, and what somebody appends to it: it holds as it was signed, in any order, and with nothing added.
pub fn signature(bytes: &[u8]) {
    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
    let Some([address, added]) = lines(bytes) else { return };
    let (keys, key, _) = &*KEYS;
    let checked = |path: &str, mut pairs: Vec<(String, String)>, now| {
        let checked = keys.check(path, &mut pairs, now).expect("the keys are readable");
        checked.map(|checked| checked.map(|signed| (signed.expires, pairs)))
    };
    let parse = |query: &str| form_urlencoded::parse(query.as_bytes()).into_owned().collect::<Vec<_>>();
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    // As it came: only what the key signed is accepted.
    if let Some(Ok((expires, pairs))) = checked(path, parse(query), NOW) {
        assert!(expires > NOW);
        let signed = sign(key, path, &pairs, expires);
        let shown = parse(query).into_iter().find(|(name, _)| name == "sig").expect("it was checked").1;
        assert!(signed.ends_with(&shown.to_ascii_lowercase()), "{address} is accepted, {signed} was signed");
    }
    let mine = |pairs: &[(String, String)]| pairs.iter().any(|(name, _)| ["kid", "expires", "sig"].contains(&name.as_str()));
    let mut pairs = parse(query);
    if mine(&pairs) {
        return;
    }
    let expires = NOW.plus_millis(60_000);
    let mut signed = parse(&sign(key, path, &pairs, expires));
    assert_eq!(checked(path, signed.clone(), expires).and_then(Result::err), Some(SignatureError::Expired { seconds: 0 }));
    signed.reverse();
    let (until, mut left) = checked(path, signed.clone(), NOW).expect("it is signed").expect("it was signed here");
    assert_eq!(until, expires);
    left.sort();
    pairs.sort();
    assert_eq!(left, pairs, "the pairs of the address come back");
    let more = parse(added);
    if !more.is_empty() {
        let refused = checked(path, [signed.clone(), more].concat(), NOW);
        assert!(matches!(refused, Some(Err(_))), "{added} was added to {address}, and it still holds");
    }
    assert_eq!(checked(&format!("{path}x"), signed, NOW).and_then(Result::err), Some(SignatureError::Wrong));
}

/// The folder of one template.
static FOLDER: LazyLock<(PathBuf, tempfile::TempDir)> = LazyLock::new(|| {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folder = root.path().join("fuzzed");
    fs::create_dir_all(folder.join("words")).expect("a folder in it");
    (folder, root)
});

/// `template.toml`, a line `---`, `words/en.toml`: every mistake is told at its place, and what has none can be picked.
pub fn template(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (template, words) = text.split_once("\n---\n").unwrap_or((text, "title = \"T\"\ndescription = \"D.\"\n"));
    let (folder, _) = &*FOLDER;
    fs::write(folder.join("template.toml"), template).expect("the folder is there");
    fs::write(folder.join("words/en.toml"), words).expect("the folder is there");
    let (found, report) = check(folder, &Known::default());
    assert_eq!(found.len() + usize::from(!report.is_clean()), 1, "neither a template nor a mistake, or both");
    for (mistake, line) in report.mistakes.iter().zip(report.lines()) {
        assert!(line.contains(mistake.code), "{line}");
    }
    let Some(template) = found.first() else { return };
    let makers = Makers {
        models: BTreeMap::new(),
        encoder: EncoderId("x264 test plate/1".into()),
        compositor: "festoon test".into(),
        deriver: "derive test".into(),
        sounds: BTreeMap::new(),
    };
    let usual = Pick::usual(template.id.clone(), template.default_locale().clone());
    match usual.resolve(template, &makers) {
        Ok(resolved) => {
            assert_eq!(resolved.plate_key, resolved.plate.key());
            let again = resolved.pick.resolve(template, &makers).expect("a canonical pick resolves");
            assert_eq!((again.pick, again.clip_key), (resolved.pick, resolved.clip_key), "a canonical pick is canonical");
        }
        Err(error) => assert!(!error.code().is_empty()),
    }
}
