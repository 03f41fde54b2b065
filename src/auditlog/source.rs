//! Where a log comes from: a file, a pipe, and what is compressed.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::read::Source;

/// Bytes that are read at a time of what is compressed.
const BUFFER: usize = 64 << 10;
/// Largest window of zstd, in bytes: as much as `zstd -8` takes. With it the command stays below 12 MB; `zstd
/// -9` takes twice as much, `zstd -19` four times.
const WINDOW: u64 = 2 << 20;
/// Bytes that tell how a file is compressed, and how large the first window is.
const MAGIC: usize = 18;

/// How a log is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// It is not.
    Plain,
    /// By gzip.
    Gzip,
    /// By zstd.
    Zstd,
    /// By a program whose files are not read here, and what unpacks them.
    Foreign(&'static str, &'static str),
}

impl Packing {
    /// The endings of compressed files' names.
    pub const ENDINGS: [&str; 7] = [".gz", ".zst", ".zstd", ".xz", ".bz2", ".lz4", ".Z"];

    fn of(start: &[u8]) -> Packing {
        match start {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Packing::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Packing::Foreign("xz", "xzcat"),
            [b'B', b'Z', b'h', ..] => Packing::Foreign("bzip2", "bzcat"),
            [0x04, 0x22, 0x4d, 0x18, ..] => Packing::Foreign("lz4", "lz4cat"),
            _ => Packing::Plain,
        }
    }
}

/// Why a log cannot be read.
#[derive(Debug)]
pub enum Unreadable {
    /// It is no file and no pipe.
    Kind(&'static str),
    /// It is compressed by a program whose files are not read; what would unpack it.
    Packing(&'static str, &'static str),
    /// More memory would be needed than is held.
    Window(LargeWindow),
    /// What the kernel returned.
    System(io::Error),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::Kind(kind) => write!(out, "is {kind}, not a log"),
            Unreadable::Packing(name, _) => {
                write!(out, "is compressed with {name}, which is not read")
            }
            Unreadable::Window(window) => write!(out, "{window}"),
            Unreadable::System(error) => write!(out, "{error}"),
        }
    }
}

/// A log is compressed so that more memory is needed than is held.
#[derive(Debug)]
pub struct LargeWindow(u64);

impl LargeWindow {
    /// Of a frame that begins like this, when it is too large.
    fn of(start: &[u8]) -> Option<LargeWindow> {
        match decoder().init(start) {
            Err(FrameDecoderError::WindowSizeTooBig { requested, .. }) => {
                Some(LargeWindow(requested))
            }
            _ => None,
        }
    }

    /// The program that unpacks it all the same: beyond 128 MiB zstd has to be told.
    pub fn program(&self) -> String {
        match self.0.checked_next_power_of_two().map(u64::trailing_zeros) {
            Some(..=27) => "zstdcat".into(),
            Some(bits) => format!("zstdcat --long={bits}"),
            None => "zstdcat --long=31".into(),
        }
    }
}

impl fmt::Display for LargeWindow {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (window, most) = (self.0.div_ceil(1 << 20), WINDOW >> 20);
        write!(
            out,
            "zstd's window of {window} MiB is larger than the {most} MiB that are held"
        )
    }
}

impl std::error::Error for LargeWindow {}

/// A log that is open.
pub struct Input {
    /// Its bytes, unpacked.
    pub source: Source,
    /// How many bytes lie on the disk, when it is a file.
    pub size: Option<u64>,
    /// How many of these were read, when they are not what [`super::read::read`] tells of.
    pub packed: Option<Arc<AtomicU64>>,
}

/// Prepares an open file or pipe for reading. Compression is told by the first bytes, not by a name.
///
/// # Errors
/// When it is nothing that can be read.
pub fn input(file: File) -> Result<Input, Unreadable> {
    let meta = file.metadata().map_err(Unreadable::System)?;
    let kind = meta.file_type();
    if kind.is_dir() {
        return Err(Unreadable::Kind("a directory"));
    }
    if kind.is_block_device() {
        return Err(Unreadable::Kind("a block device"));
    }
    if !kind.is_file() {
        let mut stream = BufReader::with_capacity(BUFFER, file);
        // A pipe may bring its first bytes one by one.
        let mut start = [0; MAGIC];
        let (length, read) = fill(&mut stream, &mut start);
        read.map_err(Unreadable::System)?;
        let start = start.get(..length).unwrap_or_default().to_vec();
        let packing = Packing::of(&start);
        fits(packing, &start)?;
        let stream = BufReader::with_capacity(BUFFER, io::Cursor::new(start).chain(stream));
        return Ok(Input {
            source: Source::Stream(unpacked(packing, stream)?),
            size: None,
            packed: None,
        });
    }
    let mut start = [0; MAGIC];
    let length = file.read_at(&mut start, 0).map_err(Unreadable::System)?;
    let start = start.get(..length).unwrap_or_default();
    let packing = Packing::of(start);
    fits(packing, start)?;
    let size = Some(meta.len());
    if packing == Packing::Plain {
        return Ok(Input {
            source: Source::File(file, meta.len()),
            size,
            packed: None,
        });
    }
    let read = Arc::new(AtomicU64::new(0));
    let counted = Counted {
        inner: file,
        read: Arc::clone(&read),
    };
    let stream = BufReader::with_capacity(BUFFER, counted);
    Ok(Input {
        source: Source::Stream(unpacked(packing, stream)?),
        size,
        packed: Some(read),
    })
}

/// Whether what begins like this can be unpacked in the memory that is held. A later frame tells it when it
/// comes.
fn fits(packing: Packing, start: &[u8]) -> Result<(), Unreadable> {
    match (packing, LargeWindow::of(start)) {
        (Packing::Zstd, Some(window)) => Err(Unreadable::Window(window)),
        _ => Ok(()),
    }
}

fn unpacked(
    packing: Packing,
    stream: impl BufRead + Send + 'static,
) -> Result<Box<dyn Read + Send>, Unreadable> {
    Ok(match packing {
        Packing::Plain => Box::new(stream),
        Packing::Gzip => Box::new(Members(MultiGzDecoder::new(stream))),
        Packing::Zstd => Box::new(Frames::new(stream)),
        Packing::Foreign(name, program) => return Err(Unreadable::Packing(name, program)),
    })
}

/// Reads until the buffer is full or nothing more comes; tells how much was read, and why not more.
pub fn fill(stream: &mut impl Read, buffer: &mut [u8]) -> (usize, io::Result<()>) {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match stream.read(rest) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (done, Err(error)),
        }
    }
    (done, Ok(()))
}

/// Counts what is read.
struct Counted {
    inner: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// The members of gzip, one behind the other.
struct Members<R>(MultiGzDecoder<R>);

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer);
        read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => cut_off(),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => damaged(&error),
            _ => error,
        })
    }
}

fn decoder() -> FrameDecoder {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(WINDOW);
    decoder
}

/// The frames of zstd, one behind the other; those that hold no data are passed over.
struct Frames<R> {
    stream: R,
    decoder: FrameDecoder,
    /// A frame has begun and not ended.
    within: bool,
}

impl<R: BufRead> Frames<R> {
    fn new(stream: R) -> Frames<R> {
        Frames {
            stream,
            decoder: decoder(),
            within: false,
        }
    }

    /// Begins the next frame that holds data; false when there is none.
    fn begin(&mut self) -> io::Result<bool> {
        loop {
            if self.stream.fill_buf()?.is_empty() {
                return Ok(false);
            }
            let skipped = match self.decoder.init(&mut self.stream) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => u64::from(length),
                Err(error) => return Err(misread(&error)),
            };
            let mut frame = self.stream.by_ref().take(skipped);
            if io::copy(&mut frame, &mut io::sink())? < skipped {
                return Err(cut_off());
            }
        }
    }

    fn end(&self) -> io::Result<()> {
        let given = self.decoder.get_checksum_from_data();
        if given.is_some() && given != self.decoder.get_calculated_checksum() {
            return Err(damaged(&"its checksum does not fit"));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.within {
                self.within = self.begin()?;
                if !self.within {
                    return Ok(0);
                }
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder
                    .decode_blocks(&mut self.stream, one)
                    .map_err(|error| misread(&error))?;
            }
            let read = self.decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.end()?;
            self.within = false;
        }
    }
}

/// What the decoder of zstd met. Its own words name its parts; they are not shown.
fn misread(error: &FrameDecoderError) -> io::Error {
    if let FrameDecoderError::WindowSizeTooBig { requested, .. } = error {
        return io::Error::other(LargeWindow(*requested));
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return match error.kind() {
                io::ErrorKind::UnexpectedEof => cut_off(),
                // What the file system says of the file.
                _ => error
                    .raw_os_error()
                    .map_or_else(|| damaged(&error), io::Error::from_raw_os_error),
            };
        }
        cause = error.source();
    }
    let what = match error {
        FrameDecoderError::ReadFrameHeaderError(_) | FrameDecoderError::FrameHeaderError(_) => {
            "no frame of zstd begins here"
        }
        FrameDecoderError::DictNotProvided { .. } => "it needs a dictionary",
        _ => "a block cannot be unpacked",
    };
    damaged(&what)
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it was cut off")
}

fn damaged(why: &dyn fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it is damaged: {why}"))
}
