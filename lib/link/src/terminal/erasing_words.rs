//! Why what is to be erased is not erased yet, in words for the people who asked for it.
//! Never says which cell or how much: that is the administrators' business.

use super::refusal_words::Words;
use protocol::erasing::ErasureWait;

/// The words of what an erasure waits for.
pub fn erasing_words(wait: ErasureWait) -> Words {
    match wait {
        ErasureWait::Nothing => Words::new("", "being erased", "стирается"),
        ErasureWait::Pace(seconds) => Words::new(
            wait.name(),
            format!("being erased, about {seconds} s"),
            format!("стирается, ещё около {seconds} с"),
        ),
        ErasureWait::Cell => Words::new(
            wait.name(),
            "being erased: waits for a root cell that is away; whoever looks after the server must put it back",
            "стирается: ждёт корневую ячейку, которой нет на месте; вернуть её должен тот, кто следит за сервером",
        ),
        ErasureWait::Backup => Words::new(
            wait.name(),
            "being erased: waits until an administrator takes a backup away (`conclave-admin backup pull`), which the policy \
             wants first",
            "стирается: ждёт, пока администратор не заберёт резервную копию (`conclave-admin backup pull`): так требует \
             политика",
        ),
        ErasureWait::Room => Words::new(
            wait.name(),
            "being erased: waits for room on the server; whoever looks after it must make the store larger (`conclaved store \
             grow`)",
            "стирается: ждёт места на сервере; тот, кто за ним следит, должен увеличить хранилище (`conclaved store grow`)",
        ),
    }
}
