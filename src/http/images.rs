//! Pictures that people bring: logos, to be named by picks.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use festoon_spec::BlobHash;
use serde::Serialize;

use super::{
    Shared, body,
    delivery::{Described, Representation, ascii},
    gate, leases, lifetime,
    problem::{Code, Problem},
};

/// The answer to `POST /v1/images`.
#[derive(Debug, Serialize)]
struct Kept {
    /// What a parameter of kind `image` takes.
    image: BlobHash,
    width: u32,
    height: u32,
    bytes: u64,
    url: String,
}

/// `POST /v1/images`
pub async fn bring(request: HttpRequest, shared: web::Data<Shared>, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let (settings, limits) = (&shared.config.images, &shared.config.limits);
    if leases::admit(&request, &shared).is_err() {
        shared.images.spend(gate::client(&request), shared.edge.now()).map_err(|seconds| {
            let detail = format!("at most {} images a minute are taken from one address", settings.per_minute);
            Problem::new(Code::TooManyImages, detail).retry_after(seconds)
        })?;
    }
    let place = shared.edge.place_for_image().ok_or_else(|| {
        Problem::new(Code::Unavailable, format!("{} images are on their way already", settings.at_once)).retry_after(5)
    })?;
    let bytes = body::collect(&request, payload, settings.bytes, limits.body_seconds).await?;
    if bytes.is_empty() {
        return Err(Problem::new(Code::BadBody, "there are no bytes: the body is the image's file"));
    }
    let kept = shared.edge.keep_image(bytes, place).await?;
    let url = format!("/v1/images/{}.png", kept.image);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, ascii(&url)))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(Kept { image: kept.image, width: kept.width, height: kept.height, bytes: kept.bytes, url }))
}

/// `/v1/images/{image}.png`
pub async fn image(request: HttpRequest, shared: web::Data<Shared>, name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let image: BlobHash =
        name.parse().map_err(|error: festoon_spec::DigestError| Problem::new(Code::UnknownBlob, error.to_string()))?;
    let missing = || Problem::new(Code::UnknownBlob, format!("the image {image} is not kept here"));
    let bytes = shared.edge.image(&image).await?.ok_or_else(missing)?;
    let representation = Representation::new(bytes, Described::new(image, "image/png", lifetime::for_ever()));
    Ok(representation.answer(&request, shared.config.limits.ranges)?.map_into_boxed_body())
}
