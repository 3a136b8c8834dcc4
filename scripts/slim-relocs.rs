//! `slim-relocs OBJECT`: rewrites the relocations of a relocatable ELF object, in place, so that the next `objcopy` can make
//! it smaller. What the object means does not change.
//!
//! * Relocations without effect (`R_*_NONE`) go. GNU ld leaves them in `.eh_frame` for every function that it has dropped
//!   from a relocatable object: after a link that keeps a tenth of the Rust standard library, most of what is there.
//! * On x86-64, distances within one section are written where they belong, as an assembler does.
//! * On x86-64, what is addressed by a compiler's own label (`.L…`, `GCC_except_table…`) is addressed by its section, and the
//!   label becomes unneeded.
//!
//! An object that it does not understand it leaves alone: larger, but right.

use std::ops::Range;
use std::process::ExitCode;
use std::{env, fs};

const ET_REL: u64 = 1;
/// Its 64-bit objects encode the type of a relocation in a way of their own.
const EM_MIPS: u64 = 8;
const EM_X86_64: u64 = 62;
const SHT_SYMTAB: u64 = 2;
const SHT_RELA: u64 = 4;
const SHT_REL: u64 = 9;
const SHF_MERGE: u64 = 0x10;
const STB_LOCAL: u8 = 0;
const STT_SECTION: u8 = 3;
const STT_TLS: u8 = 6;
const STT_GNU_IFUNC: u8 = 10;

// Relocations of x86-64. In all of these a symbol is worth its address, and nothing else.
const R_64: u32 = 1;
const R_PC32: u32 = 2;
const R_PLT32: u32 = 4;
const R_32: u32 = 10;
const R_32S: u32 = 11;
const R_PC64: u32 = 24;

/// A file whose numbers have the given width and order.
struct Image {
    bytes: Vec<u8>,
    wide: bool,
    big_endian: bool,
}

impl Image {
    fn parse(bytes: Vec<u8>) -> Option<Self> {
        let ident = bytes.get(..16)?;
        let known = ident.starts_with(b"\x7fELF")
            && (1..=2).contains(&ident[4])
            && (1..=2).contains(&ident[5]);
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
}

/// A section header (gABI, figure 4-8), and where its `sh_size` is.
#[derive(Clone, Copy)]
struct Section {
    kind: u64,
    flags: u64,
    offset: usize,
    size: usize,
    size_at: usize,
    link: u64,
    info: u64,
}

fn sections(image: &Image) -> Option<Vec<Section>> {
    // Elf32_Ehdr and Elf64_Ehdr: e_shoff, e_shentsize, e_shnum. Past 65,279 sections their number is in the first.
    let (offset, entry_size, count) = if image.wide {
        (0x28, 0x3a, 0x3c)
    } else {
        (0x20, 0x2e, 0x30)
    };
    let table = usize::try_from(image.word(offset)?).ok()?;
    let header_size = usize::try_from(image.half(entry_size)?).ok()?;
    let word = image.word_size();
    let parse = |index: usize| {
        let header = table + index * header_size;
        Some(Section {
            kind: image.four(header + 4)?,
            flags: image.word(header + 8)?,
            offset: usize::try_from(image.word(header + 8 + 2 * word)?).ok()?,
            size: usize::try_from(image.word(header + 8 + 3 * word)?).ok()?,
            size_at: header + 8 + 3 * word,
            link: image.four(header + 8 + 4 * word)?,
            info: image.four(header + 12 + 4 * word)?,
        })
    };
    let mut count = usize::try_from(image.half(count)?).ok()?;
    if count == 0 {
        count = parse(0)?.size;
    }
    (0..count).map(parse).collect()
}

/// A symbol of a 64-bit object.
struct Symbol {
    local: bool,
    kind: u8,
    label: bool,
    section: usize,
    value: u64,
}

fn symbols(image: &Image, sections: &[Section], table: Section) -> Option<Vec<Symbol>> {
    let strings = sections.get(usize::try_from(table.link).ok()?)?;
    let parse = |at: usize| {
        let name = strings.offset + usize::try_from(image.four(at)?).ok()?;
        let name = image.bytes.get(name..)?;
        Some(Symbol {
            local: image.bytes.get(at + 4)? >> 4 == STB_LOCAL,
            kind: image.bytes.get(at + 4)? & 0xf,
            label: name.starts_with(b".L") || name.starts_with(b"GCC_except_table"),
            section: usize::try_from(image.half(at + 6)?).ok()?,
            value: image.word(at + 8)?,
        })
    };
    (table.offset..table.offset + table.size)
        .step_by(24)
        .map(parse)
        .collect()
}

/// What has become of a relocation.
enum Fate {
    Gone,
    Kept,
    Changed { info: u64, addend: u64 },
}

/// The relocations of x86-64.
struct X86 {
    symbols: Vec<Symbol>,
    /// The number of each section's own symbol.
    of_section: Vec<Option<u64>>,
    mergeable: Vec<bool>,
}

impl X86 {
    fn new(image: &Image, sections: &[Section]) -> Option<Self> {
        let table = *sections.iter().find(|section| section.kind == SHT_SYMTAB)?;
        let symbols = symbols(image, sections, table)?;
        let mut of_section = vec![None; sections.len()];
        for (number, symbol) in (0..).zip(&symbols) {
            if symbol.kind == STT_SECTION {
                *of_section.get_mut(symbol.section)? = Some(number);
            }
        }
        let mergeable = sections
            .iter()
            .map(|section| section.flags & SHF_MERGE != 0)
            .collect();
        Some(Self {
            symbols,
            of_section,
            mergeable,
        })
    }

    /// The relocation at `at`, of the section `target`.
    fn slim(&self, image: &mut Image, at: usize, target: usize, contents: Section) -> Option<Fate> {
        let (place, info, addend) = (image.word(at)?, image.word(at + 8)?, image.word(at + 16)?);
        let (number, kind) = (info >> 32, info as u32);
        let symbol = &self.symbols[usize::try_from(number).ok()?];
        let plain = symbol.local && ![STT_TLS, STT_GNU_IFUNC].contains(&symbol.kind);
        // In a section for merging, an address is more than a distance from its start.
        if !plain || *self.mergeable.get(symbol.section).unwrap_or(&true) {
            return Some(Fate::Kept);
        }

        let relative = kind == R_PC32 || kind == R_PLT32;
        if relative && symbol.section == target {
            let distance = symbol.value.wrapping_add(addend).wrapping_sub(place) as i64;
            let field = contents.offset + usize::try_from(place).ok()?;
            let field = image.bytes.get_mut(field..field + 4)?;
            field.copy_from_slice(&i32::try_from(distance).ok()?.to_le_bytes());
            return Some(Fate::Gone);
        }
        match self.of_section[symbol.section] {
            Some(section)
                if symbol.label && [R_64, R_PC32, R_32, R_32S, R_PC64].contains(&kind) =>
            {
                Some(Fate::Changed {
                    info: section << 32 | u64::from(kind),
                    addend: addend.wrapping_add(symbol.value),
                })
            }
            _ => Some(Fate::Kept),
        }
    }
}

/// The slimmer image, or `None` if this is not an object that it understands.
fn slim(mut image: Image) -> Option<Vec<u8>> {
    let machine = image.half(18)?;
    if image.half(16)? != ET_REL || machine == EM_MIPS {
        return None;
    }
    let sections = sections(&image)?;
    let x86 = if machine == EM_X86_64 && image.wide && !image.big_endian {
        Some(X86::new(&image, &sections)?)
    } else {
        None
    };

    let word = image.word_size();
    for list in &sections {
        let entry = match list.kind {
            SHT_RELA => 3 * word,
            SHT_REL => 2 * word,
            _ => continue,
        };
        let target = usize::try_from(list.info).ok()?;
        let contents = *sections.get(target)?;
        let mut kept = list.offset;
        for at in (list.offset..list.offset + list.size).step_by(entry) {
            // r_info: its low half is the type, or on 32-bit machines its low byte. R_*_NONE is 0 everywhere.
            let info = image.word(at + word)?;
            let fate = if info & if image.wide { 0xffff_ffff } else { 0xff } == 0 {
                Fate::Gone
            } else if let Some(x86) = &x86 {
                x86.slim(&mut image, at, target, contents)?
            } else {
                Fate::Kept
            };
            if let Fate::Changed { info, addend } = fate {
                image.set_word(at + word, info);
                image.set_word(at + 2 * word, addend);
            }
            if !matches!(fate, Fate::Gone) {
                image.bytes.copy_within(at..at + entry, kept);
                kept += entry;
            }
        }
        image.set_word(list.size_at, (kept - list.offset) as u64);
    }
    Some(image.bytes)
}

fn main() -> ExitCode {
    let Some(path) = env::args_os().nth(1) else {
        eprintln!("usage: slim-relocs OBJECT");
        return ExitCode::from(2);
    };
    let result = fs::read(&path).and_then(|bytes| match Image::parse(bytes).and_then(slim) {
        Some(bytes) => fs::write(&path, bytes),
        None => Ok(()),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("slim-relocs: {}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}
