//! The ground of an order in words, for every program that shows one.
//! Never a text of anybody's: the journal knows grounds by their numbers.

use journal::act::Ground;

/// Name for scripts, English, Russian.
pub fn ground_words(ground: Ground) -> (&'static str, &'static str, &'static str) {
    match ground {
        Ground::Court => ("court", "a court's decision", "решение суда"),
        Ground::Authority => ("authority", "a demand of an authority", "требование органа власти"),
        Ground::PersonsRequest => ("persons-request", "a person's request", "просьба лица"),
        Ground::Inquiry => ("inquiry", "an inquiry", "служебное расследование"),
        Ground::Spill => ("spill", "said where it may not be", "сказано там, где нельзя"),
        Ground::Other => ("other", "another ground", "иное основание"),
    }
}
