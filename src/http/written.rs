//! Texts about a clip: playlists, captions, the track of a storyboard. They are written anew for whoever asks, out of what is
//! kept, so that they never name what is gone.

use actix_web::{HttpRequest, HttpResponse, http::Method};
use bytes::Bytes;
use festoon_film::{Addressed, Rendition, SoundRendition, Storyboard, Variant, master_playlist, media_playlist, sound_playlist};
use festoon_spec::{BlobHash, Media, Profile};

use super::{
    Shared, address,
    clips::{self, SEGMENT},
    delivery::{Described, Fields, Representation},
    problem::Problem,
    stream,
};
use crate::{
    edge::{EdgeError, How, InSegments, Piece, Shown, SoundInSegments},
    pick::{Heard, Pick},
    signing::Signed,
};

/// Answers GET and HEAD.
///
/// # Errors
/// As those of a clip; `no-smaller-form` if the small segments are asked for and there are none.
pub async fn answer(
    request: &HttpRequest,
    shared: &Shared,
    shown: &Shown,
    signed: Option<&Signed>,
    how: &How,
    lifetime: Fields,
) -> Result<HttpResponse, Problem> {
    let profile = shown.resolved.pick.profile;
    let composes = matches!(profile, Profile::Hls | Profile::HlsFull | Profile::HlsSmall | Profile::HlsSound);
    // Asking what there is composes nothing.
    let mut response = if composes && request.method() == Method::HEAD {
        stream::not_known_yet(profile.media_type(), lifetime).finish()
    } else {
        let bytes = Bytes::from(write(shared, shown, signed, how).await?);
        let blob = BlobHash::of(&bytes);
        let described = Described::new(blob, profile.media_type(), lifetime).tagged(clips::tags(shared, &shown.resolved));
        let representation = Representation::new(bytes, described);
        representation.answer(request, shared.config.limits.ranges)?.map_into_boxed_body()
    };
    for (name, value) in clips::description(shared, &shown.resolved) {
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

async fn write(shared: &Shared, shown: &Shown, signed: Option<&Signed>, how: &How) -> Result<String, Problem> {
    let (edge, pick) = (&shared.edge, &shown.resolved.pick);
    let other = |profile| {
        let address = address::of_clip(&Pick { profile, ..pick.clone() });
        signed.map_or(address.clone(), |signed| signed.address(&address))
    };
    let full = async || Ok::<_, Problem>(rendition(edge.in_segments(shown, how).await?));
    let small = async || Ok::<_, Problem>(edge.in_small_segments(shown, how).await?.map(rendition));
    let sound = async || Ok::<_, Problem>(edge.sound_in_segments(shown).await?.map(sound_rendition));
    Ok(match pick.profile {
        Profile::HlsSound => {
            let missing = matches!(shown.resolved.heard(pick.profile), Some(Heard::Missing(_)));
            let sound = sound().await?.ok_or(EdgeError::Silent { missing })?;
            // Of the plate's own segments: those of a clip are cut where they are.
            let plate = edge.plate_in_segments(shown)?;
            sound_playlist(&sound, rendition(plate).target())
        }
        Profile::Captions => edge.captions(shown),
        Profile::StoryboardTrack => Storyboard::of(&shown.resolved.plate.canvas).track(&other(Profile::Storyboard)),
        Profile::HlsFull => media_playlist(&full().await?),
        Profile::HlsSmall => {
            let Media { width, height, .. } = shown.entry.media;
            let small = small().await?;
            media_playlist(&small.ok_or(EdgeError::NoSmallerForm { width, height })?)
        }
        _ => {
            let mut variants = vec![Variant { uri: other(Profile::HlsFull), rendition: full().await? }];
            variants.extend(small().await?.map(|rendition| Variant { uri: other(Profile::HlsSmall), rendition }));
            let sound = sound().await?.map(|sound| (other(Profile::HlsSound), sound));
            master_playlist(&variants, sound.as_ref().map(|(uri, sound)| (uri.as_str(), sound)))
        }
    })
}

fn rendition(clip: InSegments) -> Rendition {
    let InSegments { media, init, segments } = clip;
    let segments = segments.into_iter().map(|(frames, piece)| (frames, addressed(piece, SEGMENT)));
    Rendition { media, init: addressed(init, "mp4"), segments: segments.collect() }
}

fn sound_rendition(sound: SoundInSegments) -> SoundRendition {
    let SoundInSegments { codec, init, segments } = sound;
    let segments = segments.into_iter().map(|(samples, piece)| (samples, addressed(piece, SEGMENT)));
    SoundRendition { codec, init: addressed(init, "mp4"), segments: segments.collect() }
}

fn addressed(piece: Piece, extension: &str) -> Addressed {
    let Piece { blob, range, bytes } = piece;
    // A part of a file is a file of its own kind; what is a file by itself is a segment.
    let extension = if range.is_some() { "mp4" } else { extension };
    Addressed { uri: format!("/v1/blobs/{blob}.{extension}"), range, bytes }
}
