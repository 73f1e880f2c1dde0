//! AVIF (AV1 Image File Format 1.1; ISO/IEC 23008-12): one picture of AV1 in the boxes of a file for pictures.
//!
//! The program writes this format only where it can seek, which a pipe cannot; so it writes a video of one frame, which is
//! unpacked and packed anew.

use mp4_atom::{
    Any, Atom, Colr, Encode, FourCC, Ftyp, Hdlr, Header, Iinf, Iloc, Ipco, Ipma, Iprp, Ispe, ItemInfoEntry, ItemLocation,
    ItemLocationExtent, Mdat, Meta, Pitm, Pixi, PropertyAssociation, PropertyAssociations,
};

use super::not_a;
use crate::{
    FilmError,
    mp4::{WebTrack, web_track},
};

/// The one picture's number.
const ITEM: u16 = 1;

/// The file of a video's first frame.
pub(super) fn write(video: &[u8], width: u32, height: u32) -> Result<Vec<u8>, FilmError> {
    let WebTrack { av1, samples, .. } = web_track(video)?;
    let (Some(av1c), [picture, ..]) = (av1, samples.as_slice()) else {
        return Err(not_a("AVIF", "there is no picture of AV1"));
    };
    let written = |error: mp4_atom::Error| not_a("AVIF", error);
    let mut file = Vec::new();
    let ftyp = Ftyp {
        major_brand: FourCC::new(b"avif"),
        minor_version: 0,
        compatible_brands: [b"avif", b"mif1", b"miaf", b"MA1B"].map(FourCC::new).into(),
    };
    ftyp.encode(&mut file).map_err(written)?;
    let index_at = file.len();
    // The index's size does not depend on the offset in it, so it is written twice: to know the offset, and with it.
    let mut media_at = 0;
    for _ in 0..2 {
        file.truncate(index_at);
        let mut meta = Meta { hdlr: Hdlr { handler: FourCC::new(b"pict"), name: String::new() }, items: Vec::new() };
        meta.push(Pitm { item_id: ITEM.into() });
        meta.push(Iloc {
            item_locations: vec![ItemLocation {
                item_id: ITEM.into(),
                construction_method: 0,
                data_reference_index: 0,
                base_offset: 0,
                extents: vec![ItemLocationExtent {
                    item_reference_index: 0,
                    offset: media_at,
                    length: picture.bytes.len() as u64,
                }],
            }],
        });
        meta.push(Iinf {
            item_infos: vec![ItemInfoEntry {
                item_id: ITEM.into(),
                item_protection_index: 0,
                item_type: Some(FourCC::new(b"av01")),
                item_name: String::new(),
                content_type: None,
                content_encoding: None,
                item_uri_type: None,
                item_not_in_presentation: false,
            }],
        });
        let properties: Vec<Any> = vec![
            Ispe { width, height }.into(),
            Pixi { bits_per_channel: vec![8; 3] }.into(),
            av1c.clone().into(),
            // ITU-T H.273: 1 is BT.709 in each of the three.
            Colr::Nclx { colour_primaries: 1, transfer_characteristics: 1, matrix_coefficients: 1, full_range_flag: false }
                .into(),
        ];
        let associations =
            (1..=4).map(|property_index| PropertyAssociation { essential: property_index == 3, property_index }).collect();
        meta.push(Iprp {
            ipco: Ipco { properties },
            ipma: vec![Ipma { item_properties: vec![PropertyAssociations { item_id: ITEM.into(), associations }] }],
        });
        meta.encode(&mut file).map_err(written)?;
        Header { kind: Mdat::KIND, size: Some(picture.bytes.len()) }.encode(&mut file).map_err(written)?;
        media_at = file.len() as u64;
    }
    file.extend_from_slice(&picture.bytes);
    Ok(file)
}
