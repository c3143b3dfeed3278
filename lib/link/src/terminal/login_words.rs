//! Why a login was refused, as far as this end can tell: the server does not say it, so that nobody learns from it.
//! Never guesses one reason: all that fit are named, those first that are everyday.

use super::refusal_words::Words;

/// The very first login of these keys: most often somebody's step before it is still to come.
pub(super) fn first_login_words() -> Words {
    Words::new(
        "login-refused",
        "the first login with these keys was refused; the server does not say why. It may be that:\n\
         - the password is not the one in the envelope of this login; a first login takes it: --envelope\n\
         - no officer has taken in the bundle that says that the envelope was handed over: conclave-admin submit\n\
         - the envelope was voided, or replaced by a newer one\n\
         - these are an officer's keys, and two officers have not admitted them yet: conclave-admin admit\n\
         - the account is suspended, or locked after wrong passwords: conclave-admin user list\n\
         Ask an officer before you try again: tries are counted",
        "первый вход с этими ключами отклонён; почему, сервер не говорит. Возможно:\n\
         - введён не тот пароль: при первом входе нужен пароль из конверта этого человека, ключ --envelope\n\
         - офицер ещё не принял пакет, по которому конверт выдан: conclave-admin submit\n\
         - конверт аннулирован или заменён новым\n\
         - это ключи офицера, а двое офицеров его ещё не допустили: conclave-admin admit\n\
         - учётная запись приостановлена или заблокирована из-за неверных паролей: conclave-admin user list\n\
         Прежде чем пробовать снова, спросите офицера: попытки считаются",
    )
}
