//! The forward pass over a packed batch: texts stand end to end and nothing is padded. Few tokens stay on the thread that asks; more are
//! shared among the pool's threads, which wait for each other once a layer.

use std::sync::{Mutex, PoisonError};

use pulp::Arch;
use rayon::prelude::*;

use super::byte_matrix::ByteMatrix;
use super::layer::{Layer, LayerRoom, Texts};
use super::norm::{AddAndNormalise, Norm};

/// Below so many tokens a thread, waking it costs more than it helps.
const TOKENS_A_THREAD: usize = 8;
/// Passes at once that keep their rooms.
const MOST_ROOMS: usize = 4;

/// Which rows of the table of positions a text's tokens take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Positions {
    /// From the first one on.
    FromZero,
    /// RoBERTa's: from behind the row that this id, padding, takes for itself. Where a text spells padding out, it is not counted.
    BehindPadding(u32),
}

impl Positions {
    /// The row of one token; `counted` tokens stood before it.
    pub(crate) fn row(self, id: u32, counted: &mut usize) -> usize {
        let first = match self {
            Self::FromZero => 0,
            Self::BehindPadding(padding) if id == padding => return padding as usize,
            Self::BehindPadding(padding) => padding as usize + 1,
        };
        *counted += 1;
        first + *counted - 1
    }
}

/// The tables that token ids are looked up in: [rows, hidden] each.
#[derive(Debug, Clone)]
pub(super) struct Embeddings {
    pub(super) words: Words,
    /// Position and token type added up.
    pub(super) positions: Vec<f32>,
    pub(super) counting: Positions,
    pub(super) norm: Norm,
}

/// Vectors of words. As bytes they stay bytes: few rows are looked up, and the table is most of a small encoder.
#[derive(Debug, Clone)]
pub(super) enum Words {
    Numbers(Vec<f32>),
    Bytes(ByteMatrix),
}

impl Words {
    /// One word's vector behind what `out` holds.
    fn append(&self, id: u32, dims: usize, out: &mut Vec<f32>) {
        match self {
            Self::Numbers(numbers) => out.extend_from_slice(&numbers[id as usize * dims..][..dims]),
            Self::Bytes(matrix) => matrix.append_row(id as usize, out),
        }
    }
}

/// An encoder of the BERT family, its weights packed for this processor.
pub(crate) struct FusedEncoder {
    pub(super) arch: Arch,
    pub(super) hidden: usize,
    pub(super) embeddings: Embeddings,
    pub(super) layers: Vec<Layer>,
    pub(super) rooms: Mutex<Vec<Room>>,
}

/// What one pass writes to.
#[derive(Default)]
pub(super) struct Room {
    hidden: Vec<f32>,
    qkv: Vec<f32>,
    bounds: Vec<usize>,
    threads: Vec<LayerRoom>,
}

impl FusedEncoder {
    /// Runs a batch and hands `read` the last layer's rows: [all tokens, hidden], and where each text begins and ends in them.
    pub(crate) fn run<T>(&self, batch: &[&[u32]], read: impl FnOnce(&[f32], &[usize]) -> T) -> T {
        let mut room = self.rooms.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        self.embed(batch, &mut room);
        self.encode(&mut room);
        let result = read(&room.hidden, &room.bounds);
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if rooms.len() < MOST_ROOMS {
            rooms.push(room);
        }
        result
    }

    /// Vectors of words, positions and type, added up and normalised.
    fn embed(&self, batch: &[&[u32]], room: &mut Room) {
        let dims = self.hidden;
        room.bounds.clear();
        room.bounds.push(0);
        room.hidden.clear();
        // The positions' part is written beside, where queries will stand.
        room.qkv.clear();
        for ids in batch {
            let mut counted = 0;
            for id in *ids {
                self.embeddings.words.append(*id, dims, &mut room.hidden);
                let position = self.embeddings.counting.row(*id, &mut counted);
                room.qkv.extend_from_slice(&self.embeddings.positions[position * dims..][..dims]);
            }
            room.bounds.push(room.hidden.len() / dims);
        }
        let norm = &self.embeddings.norm;
        self.arch.dispatch(AddAndNormalise { rows: &mut room.hidden, added: &room.qkv, norm });
        room.qkv.resize(room.hidden.len() * 3, 0.0);
    }

    fn encode(&self, room: &mut Room) {
        let Room { hidden, qkv, bounds, threads } = room;
        let (dims, arch) = (self.hidden, self.arch);
        let tokens = hidden.len() / dims;
        let shares = (tokens / TOKENS_A_THREAD).clamp(1, rayon::current_num_threads());
        if threads.len() < shares {
            threads.resize_with(shares, LayerRoom::default);
        }
        let texts = Texts { bounds };
        if shares == 1 {
            for layer in &self.layers {
                layer.project(arch, hidden, qkv, &mut threads[0]);
                layer.finish(arch, &texts, qkv, 0, hidden, &mut threads[0]);
            }
            return;
        }
        let share = tokens.div_ceil(shares);
        // Once into the pool and not at every step: its threads hand work to each other faster than it is handed to them.
        rayon::scope(|_| {
            for layer in &self.layers {
                qkv.par_chunks_mut(share * dims * 3)
                    .zip(hidden.par_chunks(share * dims))
                    .zip(threads.par_iter_mut())
                    .for_each(|((qkv, hidden), room)| layer.project(arch, hidden, qkv, room));
                let qkv = &*qkv;
                hidden
                    .par_chunks_mut(share * dims)
                    .zip(threads.par_iter_mut())
                    .enumerate()
                    .for_each(|(at, (hidden, room))| layer.finish(arch, &texts, qkv, at * share, hidden, room));
            }
        });
    }
}
