//! Every rule of RFC 7252 that binds a client's message layer, against a scripted peer and a
//! virtual clock: one test each, in files by section. `docs/coap-conformance.md` lists them.

pub(super) mod bench;
mod conformance_table;
mod plugtest;
mod section_3;
mod section_4_1;
mod section_4_2;
mod section_4_3;
mod section_4_4;
mod section_4_5;
mod section_4_6;
mod section_4_7;
mod section_4_8;
mod section_5_2;
mod section_5_3;
mod section_5_4;
