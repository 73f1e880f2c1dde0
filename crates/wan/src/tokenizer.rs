//! The T5 tokenizer of a checkpoint's `tokenizer/tokenizer.json`.

use crate::error::{Result, WanError};
use std::path::Path;
use tokenizers::Tokenizer;

/// Text to token ids, ending in `</s>`.
pub(crate) struct T5Tokenizer {
    tokenizer: Tokenizer,
    eos: i64,
}

impl std::fmt::Debug for T5Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("T5Tokenizer").field("eos", &self.eos).finish_non_exhaustive()
    }
}

impl T5Tokenizer {
    /// Reads `tokenizer.json`; `vocabulary` is the size of the encoder's table.
    pub(crate) fn from_file(path: &Path, vocabulary: i64) -> Result<Self> {
        let text = std::fs::read(path).map_err(|source| WanError::Read { path: path.to_owned(), source })?;
        let mut tokenizer = Tokenizer::from_bytes(text).map_err(|error| WanError::malformed(path, error))?;
        // Length is this type's business; a file may carry settings of its own.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| WanError::malformed(path, error))?;
        let eos = tokenizer.token_to_id("</s>").ok_or_else(|| WanError::malformed(path, "has no token \"</s>\""))?;
        let size = tokenizer.get_vocab_size(true) as i64;
        if size > vocabulary {
            return Err(WanError::malformed(path, format!("has {size} tokens, the text encoder knows {vocabulary}")));
        }
        Ok(T5Tokenizer { tokenizer, eos: eos as i64 })
    }

    /// At most `limit` ids; what is cut off is cut before the final `</s>`.
    pub(crate) fn encode(&self, text: &str, limit: usize) -> Result<Vec<i64>> {
        let encoding = self
            .tokenizer
            .encode(text, true)
            .map_err(|error| WanError::input("prompt", format!("cannot be tokenized: {error}")))?;
        let mut ids: Vec<i64> = encoding.get_ids().iter().map(|&id| id as i64).collect();
        if ids.last() != Some(&self.eos) {
            ids.push(self.eos);
        }
        if ids.len() > limit {
            ids.truncate(limit.saturating_sub(1));
            ids.push(self.eos);
        }
        Ok(ids)
    }
}
