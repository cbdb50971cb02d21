//! HTTP/2 frames by hand (RFC 9113): a well-behaved library would not send what the attacks send.

/// What a client begins a connection with: the preface and empty settings.
pub(crate) fn preface() -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    bytes
}

const DATA: u8 = 0x0;
pub(crate) const HEADERS: u8 = 0x1;
pub(crate) const PRIORITY: u8 = 0x2;
pub(crate) const RST_STREAM: u8 = 0x3;
const SETTINGS: u8 = 0x4;
pub(crate) const PING: u8 = 0x6;
pub(crate) const WINDOW_UPDATE: u8 = 0x8;
/// A frame type that no specification uses. Receivers ignore it.
pub(crate) const UNKNOWN: u8 = 0xee;

pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;

/// The error code of `RST_STREAM` that cancels a stream (RFC 9113 §7).
pub(crate) const CANCEL: [u8; 4] = 8_u32.to_be_bytes();

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .unwrap_or(u32::MAX)
        .to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A GET request on a stream, without a body.
pub(crate) fn get(stream: u32, path: &str) -> Vec<u8> {
    head("GET", END_STREAM, stream, path)
}

/// A POST request on a stream, whose body does not end.
pub(crate) fn unfinished_post(stream: u32, path: &str) -> Vec<u8> {
    let mut bytes = head("POST", 0, stream, path);
    bytes.extend(frame(DATA, 0, stream, b"unfinished"));
    bytes
}

fn head(method: &str, flags: u8, stream: u32, path: &str) -> Vec<u8> {
    let mut block = Vec::new();
    let fields = [
        (":method", method),
        (":scheme", "http"),
        (":authority", "127.0.0.1"),
        (":path", path),
    ];
    for (name, value) in fields {
        literal(&mut block, name, value);
    }
    frame(HEADERS, END_HEADERS | flags, stream, &block)
}

/// A header field without indexing and without Huffman coding (RFC 7541 §6.2.2). Names and values have less than 127
/// bytes here, so that each length is one byte.
fn literal(block: &mut Vec<u8>, name: &str, value: &str) {
    block.push(0);
    for text in [name, value] {
        debug_assert!(text.len() < 127, "{text}");
        block.extend(u8::try_from(text.len()).ok());
        block.extend(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_its_length_type_flags_and_stream() {
        let ping = frame(PING, 0, 0, &[7; 8]);
        assert_eq!(ping, [0, 0, 8, 6, 0, 0, 0, 0, 0, 7, 7, 7, 7, 7, 7, 7, 7]);
        let reset = frame(RST_STREAM, 0, 258, &CANCEL);
        assert_eq!(reset, [0, 0, 4, 3, 0, 0, 0, 1, 2, 0, 0, 0, 8]);
    }

    #[test]
    fn a_request_is_one_frame_that_ends_headers_and_stream() {
        let get = get(1, "/");
        assert_eq!(get[3..5], [HEADERS, END_HEADERS | END_STREAM]);
        assert_eq!(get.len(), 9 + usize::from(get[2]));
        assert_eq!(get[9..13], [0, 7, b':', b'm']);
    }
}
