//! RFC 4180 as people's programs write it: bytes in, records out, in memory that does not grow.
//!
//! The csv crate would keep a record of any length, cannot tell a quotation
//! mark left open from the end of a file, and counts only LF as the end of a
//! line. So this drives its state machine, csv-core, over fixed buffers.

use std::io::{self, BufRead, BufReader, Read};

use csv_core::ReadRecordResult;

/// The most bytes the cells of a record may have together.
const ROW_MAX: usize = 1 << 20;

/// The most cells a record may have; an empty one takes no byte, so bytes alone do not bound them.
const CELLS_MAX: usize = 4096;

/// How many bytes one record may take before it is no record, and what follows it no list. A device never ends.
const PASSED_MAX: usize = 64 << 20;

/// Reads records one after the other; holds the cells of the latest.
pub(super) struct Records<R> {
    input: BufReader<R>,
    machine: csv_core::Reader,
    lines: Lines,
    text: Box<[u8]>,
    ends: Box<[usize]>,
}

/// Where a record stands, and whether it is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The physical line it starts on, counted from 1.
    pub(super) line: u64,
    /// How many of its cells were kept: all of them where there is no fault.
    pub(super) cells: usize,
    /// Why it is not whole.
    pub(super) fault: Option<Fault>,
}

/// Why a record is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// More bytes or cells than a person's row has; the next record is intact.
    TooLong,
    /// More bytes than any mistake makes: nothing that follows is read.
    Endless,
    /// A quotation mark opens in it, and the list ends on `last_line` before it closes.
    Unclosed { last_line: u64 },
}

impl<R: Read> Records<R> {
    /// Reads from `line` on, the cells being separated by `delimiter`.
    pub(super) fn new(input: R, delimiter: u8, line: u64) -> Self {
        let machine = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        Self::with_machine(input, machine, line)
    }

    /// Reads lines, of which each is a record of one cell, whatever marks it holds.
    pub(super) fn of_lines(input: R) -> Self {
        let machine = csv_core::ReaderBuilder::new().delimiter(0).quoting(false).build();
        Self::with_machine(input, machine, 1)
    }

    fn with_machine(input: R, machine: csv_core::Reader, line: u64) -> Self {
        Self {
            input: BufReader::with_capacity(1 << 16, input),
            machine,
            lines: Lines { ended: line - 1, last: b'\n' },
            text: vec![0; ROW_MAX].into(),
            ends: vec![0; CELLS_MAX].into(),
        }
    }

    /// Reads the next record, or `None` at the end of the list. An empty line is no record.
    pub(super) fn read(&mut self) -> io::Result<Option<Frame>> {
        self.skip_line_ends()?;
        let mut frame = Frame { line: self.lines.next(), cells: 0, fault: None };
        let (mut text_len, mut passed) = (0, 0);
        let mut closing: &[u8] = b"\n";
        // What does not fit is read into these over and over, and forgotten.
        let (mut spare_text, mut spare_ends) = ([0; 4096], [0; 64]);
        loop {
            let (text, ends) = match frame.fault {
                None => (&mut self.text[text_len..], &mut self.ends[frame.cells..]),
                Some(_) => (&mut spare_text[..], &mut spare_ends[..]),
            };
            let bytes = fill(&mut self.input)?;
            let at_end = bytes.is_empty();
            // One more line end closes the last record, unless a quotation mark is open.
            let bytes = if at_end { closing } else { bytes };
            let (result, used, text_used, cells_used) = self.machine.read_record(bytes, text, ends);
            if !at_end {
                self.lines.pass(&bytes[..used]);
                self.input.consume(used);
                passed += used;
            }
            if passed > PASSED_MAX {
                return Ok(Some(Frame { fault: Some(Fault::Endless), ..frame }));
            }
            if frame.fault.is_none() {
                text_len += text_used;
                frame.cells += cells_used;
            }
            match result {
                ReadRecordResult::Record => return Ok(Some(frame)),
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::InputEmpty if at_end => {
                    closing = b"";
                    // What the quotation mark swallowed is shown to whoever mends it.
                    if frame.fault.is_none() && frame.cells < CELLS_MAX {
                        self.ends[frame.cells] = text_len - text_used;
                        frame.cells += 1;
                    }
                    frame.fault = Some(Fault::Unclosed { last_line: self.lines.latest() });
                }
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    frame.fault = Some(Fault::TooLong);
                }
            }
        }
    }

    /// Returns what the records are read from.
    pub(super) fn input(&self) -> &R {
        self.input.get_ref()
    }

    /// Returns the physical line the next byte stands on.
    pub(super) fn line(&self) -> u64 {
        self.lines.next()
    }

    /// Returns the bytes of cell `at` of the latest record, which kept more cells than that.
    pub(super) fn cell(&self, at: usize) -> &[u8] {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[at]]
    }

    fn skip_line_ends(&mut self) -> io::Result<()> {
        let mut passed = 0;
        loop {
            let bytes = fill(&mut self.input)?;
            let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let more = blank > 0 && blank == bytes.len();
            self.lines.pass(&bytes[..blank]);
            self.input.consume(blank);
            passed += blank;
            if passed > PASSED_MAX {
                return Err(io::Error::other("it goes on with nothing but line ends"));
            }
            if !more {
                return Ok(());
            }
        }
    }
}

/// Returns what is buffered, after reading on where that is nothing; empty at the end.
fn fill<R: Read>(input: &mut BufReader<R>) -> io::Result<&[u8]> {
    while let Err(error) = input.fill_buf() {
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    Ok(input.buffer())
}

/// Counts physical lines as an editor does: CR, LF and CRLF each end one.
struct Lines {
    ended: u64,
    last: u8,
}

impl Lines {
    fn pass(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let ends_line = byte == b'\r' || byte == b'\n' && self.last != b'\r';
            self.ended += u64::from(ends_line);
            self.last = byte;
        }
    }

    /// The line the next byte stands on.
    fn next(&self) -> u64 {
        self.ended + 1
    }

    /// The line the latest byte stands on.
    fn latest(&self) -> u64 {
        if matches!(self.last, b'\r' | b'\n') { self.ended } else { self.ended + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Found = (u64, Vec<String>, Option<Fault>);

    fn records(text: &[u8]) -> Vec<Found> {
        let mut records = Records::new(text, b',', 1);
        let mut found = Vec::new();
        while let Some(frame) = records.read().expect("a slice can be read") {
            let cells = (0..frame.cells).map(|at| String::from_utf8_lossy(records.cell(at)).into());
            found.push((frame.line, cells.collect(), frame.fault));
        }
        found
    }

    fn whole(line: u64, cells: &[&str]) -> Found {
        (line, cells.iter().map(ToString::to_string).collect(), None)
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() {
        let text = b"a,b\r\n\r\n\"c\r\nd\",e\rf,\"g\"\"\"\n\n\nh";
        assert_eq!(
            records(text),
            [
                whole(1, &["a", "b"]),
                whole(3, &["c\r\nd", "e"]),
                whole(5, &["f", "g\""]),
                whole(8, &["h"]),
            ]
        );
    }

    #[test]
    fn a_quotation_mark_left_open_says_how_far_it_reaches() {
        let found = records(b"a,b\nc,\"d\ne,f\n");
        assert_eq!(
            found[1],
            (2, vec!["c".into(), "d\ne,f\n".into()], Some(Fault::Unclosed { last_line: 3 }))
        );
        assert_eq!(found.len(), 2);
        assert_eq!(records(b"a,\"b\""), [whole(1, &["a", "b"])]);
    }

    #[test]
    fn a_record_too_long_is_passed_over_and_the_next_is_intact() {
        let mut text = vec![b'x'; ROW_MAX + 9];
        text.extend(b"\nb\n");
        text.extend(vec![b','; CELLS_MAX + 9]);
        text.extend(b"\nd\n");
        let found = records(&text);
        let faults: Vec<_> = found.iter().map(|(line, _, fault)| (*line, *fault)).collect();
        let too_long = Some(Fault::TooLong);
        assert_eq!(faults, [(1, too_long), (2, None), (3, too_long), (4, None)]);
        assert_eq!(found[3], whole(4, &["d"]));
    }

    #[test]
    fn nothing_and_empty_lines_hold_no_record() {
        for text in ["", "\n", "\r\n\r\n", "\u{FEFF}"] {
            assert_eq!(records(text.as_bytes()), [], "{text:?}");
        }
    }
}
