//! What the roles of a certificate are called, for every program that shows them.
//! Never a right: what a role may do the journal says.

use pki::Role;

/// English, which is its name for scripts too, and Russian.
pub fn role_words(role: Role) -> (&'static str, &'static str) {
    let ru = match role {
        Role::Server => "сервер",
        Role::Core => "ядро",
        Role::Operator => "оператор",
        Role::Officer => "офицер",
        Role::Administrator => "администратор",
        Role::Auditor => "аудитор",
        Role::Bot => "бот",
        Role::Witness => "свидетель",
    };
    (role.name(), ru)
}
