//! The wall clock of a region.

use chrono::{DateTime, Duration, LocalResult, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz::{self, *};
use festoon_spec::UnixMillis;

use super::occurrence::utc;

/// The zone in which most people of a region live; UTC for a region that is not in the table, such as `001`.
pub fn zone_of(region: &str) -> Tz {
    ZONES.binary_search_by_key(&region, |(code, _)| code).map_or(UTC, |place| ZONES[place].1)
}

/// The day on the calendars of a region.
pub fn today_in(region: &str, now: UnixMillis) -> NaiveDate {
    utc(now).with_timezone(&zone_of(region)).date_naive()
}

/// The instant at which a wall clock shows `local`.
///
/// Where the clock is put forward over `local`, the first instant after the gap: 02:30 becomes 03:00. Where it is put back and
/// shows `local` twice, the first time.
pub fn instant(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    // Zones have skipped up to a whole day (Samoa, 2011); clocks are put forward at whole minutes.
    let shown = (0..=2 * 24 * 60).find_map(|minutes| match zone.from_local_datetime(&(local + Duration::minutes(minutes))) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => Some(instant),
        LocalResult::None => None,
    });
    shown.expect("no clock was ever put forward by two days").to_utc()
}

/// The zone of each ISO 3166 region, from the table of the tz database; the most populous of several. Sorted.
#[rustfmt::skip]
const ZONES: &[(&str, Tz)] = &[
    ("AD", Europe__Andorra), ("AE", Asia__Dubai), ("AF", Asia__Kabul), ("AG", America__Antigua), ("AI", America__Anguilla),
    ("AL", Europe__Tirane), ("AM", Asia__Yerevan), ("AO", Africa__Luanda), ("AR", America__Argentina__Buenos_Aires),
    ("AS", Pacific__Pago_Pago), ("AT", Europe__Vienna), ("AU", Australia__Sydney), ("AW", America__Aruba),
    ("AX", Europe__Mariehamn), ("AZ", Asia__Baku), ("BA", Europe__Sarajevo), ("BB", America__Barbados), ("BD", Asia__Dhaka),
    ("BE", Europe__Brussels), ("BF", Africa__Ouagadougou), ("BG", Europe__Sofia), ("BH", Asia__Bahrain),
    ("BI", Africa__Bujumbura), ("BJ", Africa__PortoNovo), ("BL", America__St_Barthelemy), ("BM", Atlantic__Bermuda),
    ("BN", Asia__Brunei), ("BO", America__La_Paz), ("BQ", America__Kralendijk), ("BR", America__Sao_Paulo),
    ("BS", America__Nassau), ("BT", Asia__Thimphu), ("BW", Africa__Gaborone), ("BY", Europe__Minsk), ("BZ", America__Belize),
    ("CA", America__Toronto), ("CC", Indian__Cocos), ("CD", Africa__Kinshasa), ("CF", Africa__Bangui),
    ("CG", Africa__Brazzaville), ("CH", Europe__Zurich), ("CI", Africa__Abidjan), ("CK", Pacific__Rarotonga),
    ("CL", America__Santiago), ("CM", Africa__Douala), ("CN", Asia__Shanghai), ("CO", America__Bogota),
    ("CR", America__Costa_Rica), ("CU", America__Havana), ("CV", Atlantic__Cape_Verde), ("CW", America__Curacao),
    ("CX", Indian__Christmas), ("CY", Asia__Nicosia), ("CZ", Europe__Prague), ("DE", Europe__Berlin),
    ("DJ", Africa__Djibouti), ("DK", Europe__Copenhagen), ("DM", America__Dominica), ("DO", America__Santo_Domingo),
    ("DZ", Africa__Algiers), ("EC", America__Guayaquil), ("EE", Europe__Tallinn), ("EG", Africa__Cairo),
    ("EH", Africa__El_Aaiun), ("ER", Africa__Asmara), ("ES", Europe__Madrid), ("ET", Africa__Addis_Ababa),
    ("FI", Europe__Helsinki), ("FJ", Pacific__Fiji), ("FK", Atlantic__Stanley), ("FM", Pacific__Pohnpei),
    ("FO", Atlantic__Faroe), ("FR", Europe__Paris), ("GA", Africa__Libreville), ("GB", Europe__London),
    ("GD", America__Grenada), ("GE", Asia__Tbilisi), ("GF", America__Cayenne), ("GG", Europe__Guernsey),
    ("GH", Africa__Accra), ("GI", Europe__Gibraltar), ("GL", America__Nuuk), ("GM", Africa__Banjul), ("GN", Africa__Conakry),
    ("GP", America__Guadeloupe), ("GQ", Africa__Malabo), ("GR", Europe__Athens), ("GS", Atlantic__South_Georgia),
    ("GT", America__Guatemala), ("GU", Pacific__Guam), ("GW", Africa__Bissau), ("GY", America__Guyana),
    ("HK", Asia__Hong_Kong), ("HN", America__Tegucigalpa), ("HR", Europe__Zagreb), ("HT", America__PortauPrince),
    ("HU", Europe__Budapest), ("ID", Asia__Jakarta), ("IE", Europe__Dublin), ("IL", Asia__Jerusalem),
    ("IM", Europe__Isle_of_Man), ("IN", Asia__Kolkata), ("IO", Indian__Chagos), ("IQ", Asia__Baghdad), ("IR", Asia__Tehran),
    ("IS", Atlantic__Reykjavik), ("IT", Europe__Rome), ("JE", Europe__Jersey), ("JM", America__Jamaica), ("JO", Asia__Amman),
    ("JP", Asia__Tokyo), ("KE", Africa__Nairobi), ("KG", Asia__Bishkek), ("KH", Asia__Phnom_Penh), ("KI", Pacific__Tarawa),
    ("KM", Indian__Comoro), ("KN", America__St_Kitts), ("KP", Asia__Pyongyang), ("KR", Asia__Seoul), ("KW", Asia__Kuwait),
    ("KY", America__Cayman), ("KZ", Asia__Almaty), ("LA", Asia__Vientiane), ("LB", Asia__Beirut), ("LC", America__St_Lucia),
    ("LI", Europe__Vaduz), ("LK", Asia__Colombo), ("LR", Africa__Monrovia), ("LS", Africa__Maseru), ("LT", Europe__Vilnius),
    ("LU", Europe__Luxembourg), ("LV", Europe__Riga), ("LY", Africa__Tripoli), ("MA", Africa__Casablanca),
    ("MC", Europe__Monaco), ("MD", Europe__Chisinau), ("ME", Europe__Podgorica), ("MF", America__Marigot),
    ("MG", Indian__Antananarivo), ("MH", Pacific__Majuro), ("MK", Europe__Skopje), ("ML", Africa__Bamako),
    ("MM", Asia__Yangon), ("MN", Asia__Ulaanbaatar), ("MO", Asia__Macau), ("MP", Pacific__Saipan),
    ("MQ", America__Martinique), ("MR", Africa__Nouakchott), ("MS", America__Montserrat), ("MT", Europe__Malta),
    ("MU", Indian__Mauritius), ("MV", Indian__Maldives), ("MW", Africa__Blantyre), ("MX", America__Mexico_City),
    ("MY", Asia__Kuala_Lumpur), ("MZ", Africa__Maputo), ("NA", Africa__Windhoek), ("NC", Pacific__Noumea),
    ("NE", Africa__Niamey), ("NF", Pacific__Norfolk), ("NG", Africa__Lagos), ("NI", America__Managua),
    ("NL", Europe__Amsterdam), ("NO", Europe__Oslo), ("NP", Asia__Kathmandu), ("NR", Pacific__Nauru), ("NU", Pacific__Niue),
    ("NZ", Pacific__Auckland), ("OM", Asia__Muscat), ("PA", America__Panama), ("PE", America__Lima), ("PF", Pacific__Tahiti),
    ("PG", Pacific__Port_Moresby), ("PH", Asia__Manila), ("PK", Asia__Karachi), ("PL", Europe__Warsaw),
    ("PM", America__Miquelon), ("PN", Pacific__Pitcairn), ("PR", America__Puerto_Rico), ("PS", Asia__Gaza),
    ("PT", Europe__Lisbon), ("PW", Pacific__Palau), ("PY", America__Asuncion), ("QA", Asia__Qatar), ("RE", Indian__Reunion),
    ("RO", Europe__Bucharest), ("RS", Europe__Belgrade), ("RU", Europe__Moscow), ("RW", Africa__Kigali), ("SA", Asia__Riyadh),
    ("SB", Pacific__Guadalcanal), ("SC", Indian__Mahe), ("SD", Africa__Khartoum), ("SE", Europe__Stockholm),
    ("SG", Asia__Singapore), ("SH", Atlantic__St_Helena), ("SI", Europe__Ljubljana), ("SJ", Arctic__Longyearbyen),
    ("SK", Europe__Bratislava), ("SL", Africa__Freetown), ("SM", Europe__San_Marino), ("SN", Africa__Dakar),
    ("SO", Africa__Mogadishu), ("SR", America__Paramaribo), ("SS", Africa__Juba), ("ST", Africa__Sao_Tome),
    ("SV", America__El_Salvador), ("SX", America__Lower_Princes), ("SY", Asia__Damascus), ("SZ", Africa__Mbabane),
    ("TC", America__Grand_Turk), ("TD", Africa__Ndjamena), ("TF", Indian__Kerguelen), ("TG", Africa__Lome),
    ("TH", Asia__Bangkok), ("TJ", Asia__Dushanbe), ("TK", Pacific__Fakaofo), ("TL", Asia__Dili), ("TM", Asia__Ashgabat),
    ("TN", Africa__Tunis), ("TO", Pacific__Tongatapu), ("TR", Europe__Istanbul), ("TT", America__Port_of_Spain),
    ("TV", Pacific__Funafuti), ("TW", Asia__Taipei), ("TZ", Africa__Dar_es_Salaam), ("UA", Europe__Kyiv),
    ("UG", Africa__Kampala), ("UM", Pacific__Wake), ("US", America__New_York), ("UY", America__Montevideo),
    ("UZ", Asia__Tashkent), ("VA", Europe__Vatican), ("VC", America__St_Vincent), ("VE", America__Caracas),
    ("VG", America__Tortola), ("VI", America__St_Thomas), ("VN", Asia__Ho_Chi_Minh), ("VU", Pacific__Efate),
    ("WF", Pacific__Wallis), ("WS", Pacific__Apia), ("XK", Europe__Belgrade), ("YE", Asia__Aden), ("YT", Indian__Mayotte),
    ("ZA", Africa__Johannesburg), ("ZM", Africa__Lusaka), ("ZW", Africa__Harare),
];
