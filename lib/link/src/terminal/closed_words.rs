//! That the log was closed, in words for people: what still goes, and who knows where to go on.
//! Never says where the new site is: that its officers tell, with its card.

use protocol::client::event::ClosedView;

/// Behind the word "closed": by whom, since when, what goes on; `when` and `who` as people read them.
pub fn closed_words(view: &ClosedView, when: &str, who: &str) -> (String, String) {
    let (index, log) = (view.index, view.successor.log);
    (
        format!(
            "for good, by {who}, {when}, #{index}: nothing new is said here. Reading, erasing and leaving still go. Where \
             to write now, and by which keys, ask {who}; log {log} goes on"
        ),
        format!(
            "навсегда, решение {who}, {when}, запись № {index}: нового здесь не пишут. Читать, стирать и выходить из \
             бесед по-прежнему можно. Где писать теперь и с какими ключами, спросите {who}; продолжение — журнал {log}"
        ),
    )
}
