//! Pictures that people bring: logos, to be named by picks.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use festoon_spec::{BlobHash, UnixMillis};
use serde::Serialize;

use super::{
    Shared, body,
    clips::{FOR_EVER, ascii},
    delivery::Representation,
    leases,
    problem::{Code, Problem},
};

/// What an address may do in …
const WINDOW_MILLIS: u64 = 60_000;
/// Addresses that are counted; beyond it the one that came first is forgotten.
const MOST_ADDRESSES: usize = 10_000;

/// How many pictures each address brought of late. Behind a proxy all are one address: there the proxy has to count.
#[derive(Default)]
pub struct Counted(Mutex<HashMap<IpAddr, Window>>);

struct Window {
    since: UnixMillis,
    images: u32,
}

impl Counted {
    /// Counts one more, or says after how many seconds it may come again.
    fn admit(&self, address: IpAddr, now: UnixMillis, most: u32) -> Result<(), u64> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let address = network(address);
        if counted.len() >= MOST_ADDRESSES && !counted.contains_key(&address) {
            counted.retain(|_, window| now.since(window.since) < WINDOW_MILLIS);
            let oldest = counted.iter().min_by_key(|(_, window)| window.since).map(|(address, _)| *address);
            if let Some(oldest) = oldest.filter(|_| counted.len() >= MOST_ADDRESSES) {
                counted.remove(&oldest);
            }
        }
        let window = counted.entry(address).or_insert(Window { since: now, images: 0 });
        if now.since(window.since) >= WINDOW_MILLIS {
            *window = Window { since: now, images: 0 };
        }
        if window.images >= most {
            return Err((WINDOW_MILLIS - now.since(window.since)).div_ceil(1000));
        }
        window.images += 1;
        Ok(())
    }
}

/// Who has one address of IPv6 has all with the same first half.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

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
        let peer = request.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip());
        shared.images.admit(peer, shared.edge.now(), settings.per_minute).map_err(|seconds| {
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
    let representation = Representation { bytes, blob: image, media_type: "image/png", cache_control: FOR_EVER.into() };
    Ok(representation.answer(&request, shared.config.limits.ranges)?.map_into_boxed_body())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixMillis {
        UnixMillis(1_800_000_000_000 + seconds * 1000)
    }

    #[test]
    fn an_address_may_bring_so_many_a_minute_and_a_network_of_ipv6_is_one_address() {
        let counted = Counted::default();
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let neighbour: IpAddr = "2001:db8::ffff:1".parse().unwrap();
        assert_eq!(counted.admit(one, at(0), 2), Ok(()));
        assert_eq!(counted.admit(neighbour, at(10), 2), Ok(()));
        assert_eq!(counted.admit(one, at(20), 2), Err(40));
        assert_eq!(counted.admit("2001:db8:0:1::1".parse().unwrap(), at(20), 2), Ok(()));
        assert_eq!(counted.admit(one, at(60), 2), Ok(()));
    }

    #[test]
    fn no_number_of_addresses_makes_the_count_grow_without_end() {
        let counted = Counted::default();
        for number in 0..MOST_ADDRESSES as u32 + 50 {
            counted.admit(IpAddr::from(number.to_be_bytes()), at(u64::from(number) / 1000), 1).unwrap();
        }
        assert_eq!(counted.0.lock().unwrap().len(), MOST_ADDRESSES);
    }
}
