//! A picture beside a draft, known by its header alone: nothing here decodes one.

use std::fmt;

use imagesize::ImageType;

use super::beside::size;

/// The most bytes of a picture; every reader's mail carries them, or every reader's phone fetches them.
pub(super) const BYTES_MAX: u64 = 300_000;

/// The most pixels: a small file can claim to be a picture that fills a reader's memory.
const PIXELS_MAX: u64 = 50_000_000;

/// A picture that mail programs show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    /// Its path beside the draft.
    pub(super) name: String,
    /// `image/png`, `image/jpeg` or `image/gif`.
    pub(super) media_type: &'static str,
    pub(super) bytes: Vec<u8>,
    /// In its own pixels.
    pub(super) width: u32,
    pub(super) height: u32,
}

/// Says why a picture is none that mail programs show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is of this kind, which many programs do not show.
    Format(&'static str),
    /// It is no picture, or cut off before its size.
    Unknown(String),
    /// It has so many bytes.
    Large(u64),
    /// It claims so many pixels.
    Vast(u64, u64),
}

impl Picture {
    /// Reads the header of a picture.
    pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Self, Refused> {
        let media_type = match imagesize::image_type(bytes) {
            Ok(ImageType::Png) => "image/png",
            Ok(ImageType::Jpeg) => "image/jpeg",
            Ok(ImageType::Gif) => "image/gif",
            Ok(ImageType::Webp) => return Err(Refused::Format("webp")),
            Ok(ImageType::Heif(_)) => return Err(Refused::Format("avif")),
            _ => return Err(Refused::Unknown(name.to_owned())),
        };
        let found = imagesize::blob_size(bytes).map_err(|_| Refused::Unknown(name.to_owned()))?;
        let (width, height) = (found.width as u64, found.height as u64);
        if width.saturating_mul(height) > PIXELS_MAX {
            return Err(Refused::Vast(width, height));
        }
        if bytes.len() as u64 >= BYTES_MAX {
            return Err(Refused::Large(bytes.len() as u64));
        }
        let side = |pixels: u64| u32::try_from(pixels).ok().filter(|pixels| *pixels > 0);
        let (Some(width), Some(height)) = (side(width), side(height)) else {
            return Err(Refused::Unknown(name.to_owned()));
        };
        Ok(Self { name: name.to_owned(), media_type, bytes: bytes.to_vec(), width, height })
    }

    /// Returns how high it is when it is set so wide.
    pub(super) fn height_at(&self, width: u32) -> u32 {
        let twice = 2 * u64::from(self.height) * u64::from(width) / u64::from(self.width);
        u32::try_from(twice.div_ceil(2)).unwrap_or(u32::MAX)
    }
}

impl Refused {
    /// Returns how to mend it.
    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::Format(_) | Self::Unknown(_) => "use png, jpeg or gif",
            Self::Large(_) => {
                "save it smaller: 1,200 pixels wide is enough for any screen, and jpeg for photographs"
            }
            Self::Vast(..) => "save it smaller: 1,200 pixels wide is enough for any screen",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(format) => write!(out, "many mail programs do not show `{format}`"),
            Self::Unknown(name) => write!(out, "`{name}` is not a picture"),
            Self::Large(bytes) => {
                write!(
                    out,
                    "the image has {}; it is to have less than {}",
                    size(*bytes),
                    size(BYTES_MAX)
                )
            }
            Self::Vast(width, height) => write!(out, "the image is {width} by {height} pixels"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a GIF's header.
    fn gif(width: u16, height: u16) -> Vec<u8> {
        [b"GIF89a".as_slice(), &width.to_le_bytes(), &height.to_le_bytes(), &[0; 20]].concat()
    }

    fn read(bytes: &[u8]) -> Result<(&'static str, u32, u32), Refused> {
        Picture::read("a.gif", bytes).map(|read| (read.media_type, read.width, read.height))
    }

    #[test]
    fn a_picture_is_known_by_its_header_whatever_it_is_named() {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x08\0\0\x01\x2c".to_vec();
        png.extend([8, 2, 0, 0, 0, 0, 0, 0, 0]);
        let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xc0\0\x11\x08\x01\x2c\x02\x08\x03\0\0\0\0\0\0";
        assert_eq!(read(&gif(520, 300)), Ok(("image/gif", 520, 300)));
        assert_eq!(read(&png), Ok(("image/png", 520, 300)));
        assert_eq!(read(jpeg), Ok(("image/jpeg", 520, 300)));
    }

    #[test]
    fn what_mail_programs_do_not_show_is_refused_by_its_header() {
        let webp = b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0\0\0\0\x9d\x01\x2a\x10\0\x10\0";
        assert_eq!(read(webp), Err(Refused::Format("webp")));
        let avif = b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1B";
        assert_eq!(read(avif), Err(Refused::Format("avif")));
        for none in [b"<svg xmlns=...".as_slice(), b"", b"\x89PNG\r\n\x1a\n\0", &gif(0, 9)] {
            assert_eq!(read(none), Err(Refused::Unknown("a.gif".to_owned())), "{none:?}");
        }
        assert_eq!(read(&gif(10_000, 10_000)), Err(Refused::Vast(10_000, 10_000)));
        let mut large = gif(10, 10);
        large.resize(300_000, 0);
        assert_eq!(read(&large), Err(Refused::Large(300_000)));
    }
}
