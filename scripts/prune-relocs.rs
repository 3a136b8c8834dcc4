//! `prune-relocs OBJECT`: takes relocations without effect (`R_*_NONE`) out of a relocatable ELF object, in place.
//!
//! When GNU ld drops a function from a relocatable object, it takes the function's entry out of `.eh_frame` but leaves
//! the entry's relocations, made ineffective: after a link that keeps a tenth of the Rust standard library, most of
//! what is there. The bytes they took are left over at the end of each list; the next `objcopy` leaves them out.

use std::ops::Range;
use std::process::ExitCode;
use std::{env, fs};

const SHT_RELA: u64 = 4;
const SHT_REL: u64 = 9;
const ET_REL: u64 = 1;
/// Its 64-bit objects encode the type of a relocation in a way of their own.
const EM_MIPS: u64 = 8;

/// An object file whose numbers have the given width and order.
struct Object {
    bytes: Vec<u8>,
    wide: bool,
    big_endian: bool,
}

impl Object {
    fn parse(bytes: Vec<u8>) -> Option<Self> {
        let ident = bytes.get(..16)?;
        let known = ident.starts_with(b"\x7fELF") && (1..=2).contains(&ident[4]) && (1..=2).contains(&ident[5]);
        let (wide, big_endian) = (ident[4] == 2, ident[5] == 2);
        known.then_some(Self {
            bytes,
            wide,
            big_endian,
        })
    }

    fn number(&self, range: Range<usize>) -> Option<u64> {
        let bytes = self.bytes.get(range)?.iter();
        let append = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.big_endian {
            bytes.fold(0, append)
        } else {
            bytes.rev().fold(0, append)
        })
    }

    /// The number at an offset that depends on the width: 2, 4 bytes, or a word of the width.
    fn half(&self, at: usize) -> Option<u64> {
        self.number(at..at + 2)
    }
    fn four(&self, at: usize) -> Option<u64> {
        self.number(at..at + 4)
    }
    fn word(&self, at: usize) -> Option<u64> {
        self.number(at..at + self.word_size())
    }
    const fn word_size(&self) -> usize {
        if self.wide { 8 } else { 4 }
    }

    fn set_word(&mut self, at: usize, number: u64) {
        let size = self.word_size();
        let bytes = &mut self.bytes[at..at + size];
        if self.big_endian {
            bytes.copy_from_slice(&number.to_be_bytes()[8 - size..]);
        } else {
            bytes.copy_from_slice(&number.to_le_bytes()[..size]);
        }
    }

    /// Moves the effective relocations of every list to its front and shortens it. The number taken out, or `None` if
    /// this is not an object that it understands.
    fn prune(&mut self) -> Option<usize> {
        if self.half(16)? != ET_REL || self.half(18)? == EM_MIPS {
            return None;
        }
        // Elf32_Ehdr and Elf64_Ehdr: e_shoff, e_shentsize, e_shnum. Past 65,279 sections their number is in the first.
        let (offset, entry_size, count) = if self.wide {
            (0x28, 0x3a, 0x3c)
        } else {
            (0x20, 0x2e, 0x30)
        };
        let table = usize::try_from(self.word(offset)?).ok()?;
        let header_size = usize::try_from(self.half(entry_size)?).ok()?;
        let word = self.word_size();
        let mut sections = self.half(count)?;
        if sections == 0 {
            sections = self.word(table + 8 + 3 * word)?;
        }

        let mut pruned = 0;
        for section in 0..usize::try_from(sections).ok()? {
            let header = table + section * header_size;
            let kind = self.four(header + 4)?;
            if kind != SHT_RELA && kind != SHT_REL {
                continue;
            }
            // sh_flags, sh_addr, sh_offset and sh_size are words after two numbers of four bytes.
            let size_at = header + 8 + 3 * word;
            let start = usize::try_from(self.word(header + 8 + 2 * word)?).ok()?;
            let size = usize::try_from(self.word(size_at)?).ok()?;
            let entry = if kind == SHT_RELA { 3 * word } else { 2 * word };
            let mut kept = start;
            for at in (start..start + size).step_by(entry) {
                // r_info: its low half is the type, or on 32-bit machines its low byte.
                let info = self.word(at + word)?;
                let effective = if self.wide {
                    info & 0xffff_ffff != 0
                } else {
                    info & 0xff != 0
                };
                if effective {
                    self.bytes.copy_within(at..at + entry, kept);
                    kept += entry;
                } else {
                    pruned += 1;
                }
            }
            self.set_word(size_at, (kept - start) as u64);
        }
        Some(pruned)
    }
}

fn main() -> ExitCode {
    let Some(path) = env::args_os().nth(1) else {
        eprintln!("usage: prune-relocs OBJECT");
        return ExitCode::from(2);
    };
    let result = fs::read(&path).and_then(|bytes| {
        let Some(mut object) = Object::parse(bytes) else {
            return Ok(());
        };
        match object.prune() {
            Some(_) => fs::write(&path, object.bytes),
            None => Ok(()), // left as it is: larger, but right
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("prune-relocs: {}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}
