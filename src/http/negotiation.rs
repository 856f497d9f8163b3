//! Content negotiation: which content coding and which language a request asks for (RFC 9110, sections 12.5.3 and
//! 12.5.4), and whether the client already has the body (section 13.1.2).

use std::cmp::Reverse;
use tungstenite::http::{HeaderMap, header};

/// How a body is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentCoding {
    /// Unchanged.
    Identity,
    /// The gzip format (RFC 1952).
    Gzip,
}

impl ContentCoding {
    /// The smallest coding among those that the client prefers. A client that names no coding, or refuses all of
    /// them, gets the body unchanged.
    pub(super) fn wanted(headers: &HeaderMap) -> Self {
        let list = elements(headers, header::ACCEPT_ENCODING);
        let weights: Vec<(String, u16)> = list.filter_map(|element| weighted(&element)).collect();
        let weight_of = |names: &[&str]| {
            let named = weights.iter().find(|(name, _)| names.contains(&name.as_str()));
            named.or_else(|| weights.iter().find(|(name, _)| name == "*")).map(|(_, weight)| *weight)
        };
        // A client that does not name identity accepts it, but prefers something smaller.
        let gzip = weight_of(&["gzip", "x-gzip"]).unwrap_or(0);
        let identity = weights.iter().find(|(name, _)| name == "identity").map_or(0, |(_, weight)| *weight);
        if gzip > 0 && gzip >= identity { Self::Gzip } else { Self::Identity }
    }
}

/// The language that a request prefers: the one in its query (`lang=de`), otherwise the one with the highest weight in its
/// headers, otherwise English. Regions and scripts are ignored, so `de-AT` is German.
pub(super) fn preferred_language<'a>(query: &str, headers: &HeaderMap, languages: &[&'a str]) -> &'a str {
    let in_query = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "lang");
    let list = elements(headers, header::ACCEPT_LANGUAGE);
    let mut weights: Vec<(String, u16)> = list.filter_map(|element| weighted(&element)).collect();
    weights.retain(|(_, weight)| *weight > 0);
    weights.sort_by_key(|(_, weight)| Reverse(*weight));
    let in_headers = weights.into_iter().map(|(tag, _)| tag);
    let preferred = in_query.map(|(_, tag)| tag.into_owned()).into_iter().chain(in_headers);
    let available =
        |tag: String| languages.iter().find(|language| primary(language).eq_ignore_ascii_case(primary(&tag)));
    preferred.filter_map(available).next().unwrap_or(&"en")
}

/// The primary language subtag: a tag without its script and region (RFC 5646, section 2.2.1).
fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or(tag)
}

/// True if the client already has the body with this entity tag. The comparison is weak, as GET and HEAD require.
pub(super) fn has_already(headers: &HeaderMap, tag: &str) -> bool {
    elements(headers, header::IF_NONE_MATCH)
        .any(|element| element == "*" || element.strip_prefix("W/").unwrap_or(&element) == tag)
}

/// The elements of a list, from all headers of that name. Our own entity tags contain no comma.
fn elements(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = String> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|element| element.trim().to_owned())
}

/// An element such as `gzip;q=0.5`: its name in lower case, and its weight in thousandths. `None` if the weight is
/// invalid.
fn weighted(element: &str) -> Option<(String, u16)> {
    let (name, parameter) = element.split_once(';').unwrap_or((element, "q=1"));
    let (field, weight) = parameter.trim().split_once('=')?;
    if !field.trim_end().eq_ignore_ascii_case("q") {
        return None;
    }
    Some((name.trim().to_ascii_lowercase(), thousandths(weight.trim())?))
}

/// Parses a weight from 0 to 1 with at most three digits after the point.
fn thousandths(weight: &str) -> Option<u16> {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ContentCoding::{Gzip, Identity};

    fn headers(name: header::HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn the_smallest_coding_that_is_wanted() {
        for (values, coding) in [
            (&[][..], Identity),
            (&[""], Identity),
            (&["gzip"], Gzip),
            (&["gzip, deflate, br, zstd"], Gzip),
            (&["br", "GZIP"], Gzip),
            (&["x-gzip"], Gzip),
            (&["br, zstd"], Identity),
            (&["*"], Gzip),
            (&["*;q=0"], Identity),
            (&["gzip;q=0"], Identity),
            (&["gzip;q=0.000, *"], Identity),
            (&["gzip;q=0.001"], Gzip),
            (&["gzip ; q=0.5 , identity;q=0.4"], Gzip),
            (&["gzip;q=0.5, identity"], Identity),
            (&["gzip, identity"], Gzip),
            (&["identity;q=0, gzip;Q=0.1"], Gzip),
            (&["*;q=0.5, identity;q=0.6"], Identity),
            (&["identity;q=0"], Identity),
            // Invalid elements are ignored.
            (&["gzip;q=2"], Identity),
            (&["gzip;q=1.5"], Identity),
            (&["gzip;q=0.1234"], Identity),
            (&["gzip;q=-1"], Identity),
            (&["gzip;q="], Identity),
            (&["gzip;level=9"], Identity),
            (&["gzipped"], Identity),
        ] {
            assert_eq!(
                ContentCoding::wanted(&headers(header::ACCEPT_ENCODING, values)),
                coding,
                "{values:?}"
            );
        }
    }

    #[test]
    fn the_language_is_the_most_preferred_one_that_the_page_has() {
        let languages = ["ar", "de", "en", "pt-BR", "zh-Hans"];
        for (query, values, language) in [
            ("", &[][..], "en"),
            ("", &["de"], "de"),
            ("", &["de-AT,de;q=0.9,en;q=0.8"], "de"),
            ("", &["fi, ar;q=0.2, DE;q=0.5"], "de"),
            ("", &["en;q=0.5", "ar"], "ar"),
            ("", &["de;q=0, ar;q=0.1"], "ar"),
            ("", &["pt"], "pt-BR"),
            ("", &["zh-CN"], "zh-Hans"),
            ("", &["*"], "en"),
            ("", &["d, dee, -de, de;q=x"], "en"),
            ("room=a&lang=ar", &["de"], "ar"),
            ("lang=xx", &["de"], "de"),
            ("lang=pt-br", &["de"], "pt-BR"),
            ("language=ar", &["de"], "de"),
        ] {
            let headers = headers(header::ACCEPT_LANGUAGE, values);
            assert_eq!(preferred_language(query, &headers, &languages), language, "{query} {values:?}");
        }
    }

    #[test]
    fn a_client_has_what_it_names() {
        let tag = "\"5f\"";
        for (values, has) in [
            (&[][..], false),
            (&["\"5f\""], true),
            (&["W/\"5f\""], true),
            (&["*"], true),
            (&["\"a\", W/\"b\",\"5f\""], true),
            (&["\"a\"", "\"5f\""], true),
            (&["\"5\""], false),
            (&["5f"], false),
            (&["w/\"5f\""], false),
            (&["W/W/\"5f\""], false),
            (&["\"*\""], false),
            (&[""], false),
        ] {
            assert_eq!(has_already(&headers(header::IF_NONE_MATCH, values), tag), has, "{values:?}");
        }
    }
}
