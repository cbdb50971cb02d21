//! The image that a workflow makes: a PNG of one color, small enough to be written without compression.

const SIDE: usize = 8;

/// An image whose color depends on its name, so that images can be distinguished.
pub(super) fn tiny(name: &str) -> Vec<u8> {
    let mix = crc32(name.as_bytes()).to_be_bytes();
    // The filter byte (0: none), then three bytes for each pixel.
    let row = [&[0][..], &mix[..3].repeat(SIDE)].concat();
    let rows = row.repeat(SIDE);
    // Width, height, and eight bits for each of red, green and blue.
    let side = u32::try_from(SIDE).expect("a tiny picture is small");
    let side = side.to_be_bytes();
    let header = [&side[..], &side, &[8, 2, 0, 0, 0]].concat();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, *b"IHDR", &header);
    chunk(&mut png, *b"IDAT", &stored(&rows));
    chunk(&mut png, *b"IEND", &[]);
    png
}

/// A chunk of a PNG (ISO/IEC 15948 §5.3).
fn chunk(png: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let body = [&kind[..], data].concat();
    png.extend(length(data).to_be_bytes());
    png.extend(&body);
    png.extend(crc32(&body).to_be_bytes());
}

fn length(data: &[u8]) -> u32 {
    u32::try_from(data.len()).expect("a tiny picture has few bytes")
}

/// A zlib stream of one uncompressed block (RFC 1950 §2.2, RFC 1951 §3.2.4).
fn stored(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("a tiny picture has few bytes");
    let mut stream = vec![0x78, 0x01, 0x01];
    stream.extend(length.to_le_bytes());
    stream.extend((!length).to_le_bytes());
    stream.extend(data);
    stream.extend(adler32(data).to_be_bytes());
    stream
}

fn crc32(data: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            let shifted = crc >> 1;
            if crc & 1 == 1 {
                shifted ^ 0xedb8_8320
            } else {
                shifted
            }
        })
    };
    !data.iter().fold(u32::MAX, step)
}

fn adler32(data: &[u8]) -> u32 {
    let step = |(a, b): (u32, u32), byte: &u8| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (a + b) % 65_521)
    };
    let (a, b) = data.iter().fold((1, 0), step);
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_are_those_of_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
        assert_ne!(tiny("a"), tiny("b"));
    }
}
