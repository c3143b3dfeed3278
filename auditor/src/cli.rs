//! The command line of `conclave-audit`; its Russian help is in `help_ru`.
//! Never runs anything.

use clap::{Parser, Subcommand};
use console::{Common, Extra};

use crate::command;
pub use crate::help_ru::RU;

/// Verify a journal of Conclave without the appliance.
#[derive(Parser, Debug)]
#[command(
    name = "conclave-audit",
    version,
    after_help = "Example: conclave-audit verify march.journal --trust site.trust"
)]
#[allow(missing_docs, reason = "a text here would take the place of the group's own help")]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
#[allow(missing_docs, reason = "the help stands at each command's own struct")]
pub enum Command {
    /// What you believe: log id, identity key, authorities, limits, last anchor.
    #[command(subcommand, after_help = "Example: conclave-audit trust show site.trust")]
    Trust(command::trust::Command),
    #[command(
        after_help = "The bundle ends before the entry that records this export; your next one holds it.\n\
                      Example: conclave-audit export march.journal\n\
                      Example: conclave-audit export march.tiles --tiles\n\
                      Example: conclave-audit export march.tiles --tiles --from march.journal"
    )]
    Export(command::export::Export),
    #[command(
        after_help = "Example: conclave-audit verify march.journal --trust site.trust --anchor anna.checkpoint"
    )]
    Verify(command::verify::Verify),
    #[command(
        after_help = "Example: conclave-audit report march.journal --trust site.trust --html march.html"
    )]
    Report(command::report::Report),
    #[command(after_help = "Example: conclave-audit diff march.journal april.journal --trust site.trust")]
    Diff(command::diff::Diff),
    #[command(
        after_help = "Example: conclave-audit register march.journal --trust site.trust --kind envelopes --from 2026-01-01 \
                      --to 2026-03-31 --out envelopes.pdf"
    )]
    Register(command::register::Register),
    #[command(after_help = "Example: conclave-audit show march.journal --who anna --kind message")]
    Show(command::show::Show),
    #[command(
        after_help = "Example: conclave-audit cut march.journal --from 100 --to 250 --out court.excerpt"
    )]
    Cut(command::cut::Cut),
    #[command(
        after_help = "Example: conclave-audit select march.journal --conversation '#41' --out court.excerpt"
    )]
    Select(command::cut::Select),
    #[command(
        after_help = "Example: conclave-audit check-excerpt court.excerpt --trust site.trust --entries"
    )]
    CheckExcerpt(command::check_excerpt::CheckExcerpt),
    #[command(after_help = "Example: conclave-audit prove march.journal 1234 --out 1234.proof")]
    Prove(command::prove::Prove),
    #[command(after_help = "Exit codes: 0 proven; 1 not proven; 3 it contradicts a head that is known.\n\
                      Example: conclave-audit check-proof 1234.proof --trust site.trust")]
    CheckProof(command::check_proof::CheckProof),
    #[command(
        after_help = "Exit codes: 0 proven; 1 no disclosed message; 2 not proven; 3 it contradicts a head that is known, or itself.\n\
                      Example: conclave-audit check-disclosure 1234.disclosure --trust site.trust"
    )]
    CheckDisclosure(command::check_disclosure::CheckDisclosure),
    #[command(
        after_help = "Exit codes: 0 proven; 1 no receipt; 2 not proven; 3 it contradicts a head that is known.\n\
                      Example: conclave-audit receipt 1234.receipt --trust site.trust"
    )]
    Receipt(command::receipt::Receipt),
    #[command(after_help = "Example: conclave-audit finding 1234 --severity high --code erasure")]
    Finding(command::finding::Finding),
    #[command(
        after_help = "Example: conclave-audit check-consistency anna.checkpoint march.journal --trust site.trust"
    )]
    CheckConsistency(command::check_consistency::CheckConsistency),
    #[command(
        after_help = "Exit codes: 0 written, and with --trust vouched for; 2 to 5 not vouched for: what verify says of the bundle,\n\
                      and 2 where the signature is bad.\n\
                      Example: conclave-audit extract march.journal 1234 --trust site.trust --out evidence"
    )]
    Extract(command::extract::Extract),
    #[command(
        after_help = "Example: conclave-audit checkpoint march.journal --trust site.trust --print head.pdf"
    )]
    Checkpoint(command::checkpoint::PrintCheckpoint),
    #[command(subcommand, after_help = "Example: conclave-audit witness run /srv/witness")]
    Witness(command::witness::Command),
    #[command(flatten)]
    Extra(Extra),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use console::{stale, untranslated};

    #[test]
    fn every_text_is_there_in_russian_and_none_is_left_over() {
        Cli::command().debug_assert();
        assert_eq!(untranslated(&Cli::command(), RU), [""; 0]);
        let left: Vec<String> =
            stale(&Cli::command(), RU).into_iter().filter(|id| !id.starts_with("*/")).collect();
        assert_eq!(left, [""; 0]);
    }

    #[test]
    fn every_command_has_an_example() {
        fn check(command: &clap::Command) {
            for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
                let example = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(example.contains("conclave-audit"), "{}", sub.get_name());
                check(sub);
            }
        }
        check(&Cli::command());
    }
}
