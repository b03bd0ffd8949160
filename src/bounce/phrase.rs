//! The words by which servers say why, in lower case and many languages.
//!
//! What stands here was written from the standards' own texts and from what
//! each language calls a full mailbox or an unknown user; a phrase that also
//! means something milder does not belong in a graver list.

/// Tells whether a text in lower case holds any of the phrases.
pub(super) fn has(text: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| text.contains(phrase))
}

/// No room in the mailbox.
pub(super) const FULL: &[&str] = &[
    "mailbox full", "mailbox is full", "full mailbox", "mbox full", "mailbox quota", "inbox is full", "inbox full",
    "account is full", "folder is full", "over quota", "overquota", "quota exceeded", "quota exceed",
    "exceeded quota", "quota full", "exceeded its quota", "exceeds the quota", "exceed the quota", "disk quota",
    "storage quota", "out of storage", "storage limit", "storage space", "mailbox size limit",
    "mailbox size exceeded", "mailbox has exceeded", "exceeds allowed size", "exceeded storage",
    "insufficient system storage", "insufficient storage", "insufficient disk", "not enough space",
    "not enough storage", "not enough disk", "no space left", "disk full", "mailfolder is full", "too full",
    "is over the maximum", "quotaexceeded", "mailboxfull", "is over its", "postfach voll", "postfach ist voll",
    "postfach des empfängers ist voll", "speicherplatz", "quota überschritten", "boîte pleine", "boite pleine",
    "boîte aux lettres pleine", "boîte aux lettres est pleine", "boîte de réception est pleine", "messagerie pleine",
    "quota dépassé", "buzón lleno", "buzon lleno", "buzón está lleno", "buzón de correo está lleno", "casilla llena",
    "bandeja llena", "cuota excedida", "casella piena", "casella è piena", "casella di posta piena", "quota superata",
    "caixa cheia", "caixa postal cheia", "caixa de correio cheia", "caixa de entrada cheia", "cota excedida",
    "mailbox vol", "mailbox is vol", "postvak vol", "postvak is vol", "postbus vol", "skrzynka pełna",
    "skrzynka jest pełna", "przepełnion", "schránka je plná", "plná schránka", "schránka plná", "brevlådan är full",
    "postlådan är full", "innboksen er full", "postkassen er full", "indbakken er fuld", "postkassen er fuld",
    "täynnä", "megtelt", "kota dolu", "kotası", "kutusu dolu", "γεμάτο", "переполнен", "превышена квота",
    "ящик заполнен", "переповнен", "容量", "いっぱい", "已满", "已滿", "超出配额", "用量已", "용량", "가득",
];

/// About us as a sender.
pub(super) const SENDER: &[&str] = &[
    "sender address rejected", "sender rejected", "sender denied", "sender blocked", "blocked sender", "bad sender",
    "banned sender", "invalid sender", "sender verify failed", "verification failed for", "sender verification", "sender domain",
    "domain of sender", "sender is not", "sender not", "sender's", "bad outbound sender", "but sender was rejected",
    "envelope sender", "return path", "return-path", "from address", "mail from:<", "unknown sender", "absender",
    "expéditeur", "remitente", "mittente", "remetente", "afzender", "nadawc", "отправител", "odesílatel", "avsändare",
    "発信者", "送信者", "发件人", "寄件", "발신자",
];

/// Our DNS records, or a signature made of one.
pub(super) const RECORDS: &[(&str, super::cause::Missing)] = {
    use super::cause::Missing::{Dkim, Dmarc, Ptr, Spf};
    &[
        ("dmarc", Dmarc),
        ("dkim", Dkim),
        ("domainkeys", Dkim),
        ("spf", Spf),
        ("sender policy framework", Spf),
        ("reverse dns", Ptr),
        ("ptr record", Ptr),
        ("ptr resource", Ptr),
        ("dns ptr", Ptr),
        ("rdns", Ptr),
        ("reverse lookup", Ptr),
        ("reverse mapping", Ptr),
        ("reverse hostname", Ptr),
        ("cannot find your hostname", Ptr),
        ("forward-confirmed", Ptr),
        ("no ptr", Ptr),
        ("missing ptr", Ptr),
        ("unauthenticated", super::cause::Missing::Authentication),
        ("sender isn't authenticated", super::cause::Missing::Authentication),
    ]
};

/// About what we wrote.
pub(super) const SPAM: &[&str] = &[
    "spam", "junk mail", "junk email", "unsolicited", "bulk mail", "bulk email", "content rejected",
    "message content", "rejected for content", "prohibited content", "content filter", "content denied",
    "unacceptable content", "inappropriate content", "uribl", "surbl", "objectionable", "offensive",
    "virus", "malware", "phish", "infected", "suspicious", "unwanted", "looks like", "werbung", "indésirable",
    "correo no deseado", "posta indesiderata", "lixo eletrônico", "спам", "迷惑メール", "垃圾", "스팸",
];

/// Lists of senders, by name.
pub(super) const LISTS: &[&str] = &[
    "spamhaus", "spamcop", "dnsbl", "blacklist", "blocklist", "block list", "black list", "rbl.", "(rbl", " rbl",
];

/// About where we come from.
pub(super) const BLOCKED: &[&str] = &[
    "blocked", "blocking", "denylist", "deny list", "reputation", "barracuda", "cloudmark", "senderbase",
    "talosintelligence", "ask your postmaster", "banned", "your ip", "client host", "client address", "sending ip", "your server",
    "your host", "your network", "helo command rejected", "my name was rejected", "invalid helo", "bad helo",
    "invalid ehlo", "gesperrt", "bloqué", "bloquead", "bloccat", "geblokkeerd", "zablokowan", "заблокирован", "拒绝",
    "拒否",
];

/// Other refusals by a rule.
pub(super) const RULE: &[&str] = &[
    "policy", "policies", "not authorized", "not authorised", "unauthorized", "not permitted", "not allowed",
    "permission", "access denied", "access restricted", "prohibit", "administratively", "relay", "restricted",
    "authentication required", "requires authentication", "must be authenticated", "must authenticate",
    "not a member", "members only", "only accept", "rule", "not accepted from", "does not accept mail from",
    "does not accept messages from", "security", "message rejected", "message refused", "refused by",
    "preferences", "rejected by recipient", "rejected by the recipient", "by user", "encryption", "starttls", "tls is required",
    "richtlinie", "nicht berechtigt", "nicht zugelassen", "non autorisé", "no autorizado", "non autorizzat",
    "não autorizad", "политик",
];

/// The message is too long, for whoever gets it.
pub(super) const SIZE: &[&str] = &[
    "message too large", "message is too large", "message too big", "message is too big", "message size",
    "size limit", "maximum size", "size exceed", "exceeds size", "exceeds maximum", "exceeds the maximum",
    "message length", "max message", "too large", "zu groß", "trop volumineux", "demasiado grande", "troppo grande",
    "muito grande", "te groot", "слишком велик", "слишком больш",
];

/// Not now.
pub(super) const LATER: &[&str] = &[
    "greylist", "graylist", "grey list", "gray list", "try again", "try later", "later", "temporar", "timed out",
    "time out", "timeout", "connection refused", "connection reset", "lost connection", "connection closed",
    "could not connect", "unable to connect", "too many", "too quickly", "too fast", "at a rate", "rate limit",
    "rate-limit", "ratelimit", "throttl", "deferred", "mail loop", "looping", "loop detected", "hop count",
    "maximum hops", "server error", "system error", "internal error", "local error", "configuration error",
    "configuration problem", "misconfig", "queue", "resources", "unreachable", "no route", "delivery time expired",
    "message expired", "retry time", "servfail", "overloaded", "busy", "maintenance", "couldn\'t create",
    "cannot create", "can\'t create", "could not create", "cannot open", "can\'t open", "could not open",
    "command output", "command died", "i/o error", "write error", "input/output", "try back", "mail system full",
    "daily", "not responding", "but greeting failed", "no answer", "bad connection", "network error",
    "network problem", "could not complete", "lookup fail", "lookup error", "vorübergehend", "später",
    "zeitüberschreitung", "temporaire", "plus tard", "temporal", "más tarde", "tempora", "più tardi", "mais tarde",
    "tijdelijk", "tymczasow", "dočasn", "tillfällig", "midlertidig", "geçici", "временно", "позже", "тимчасово",
    "一時的", "暂时", "暫時", "稍后", "일시적",
];

/// Nobody is there.
pub(super) const NO_MAILBOX: &[&str] = &[
    "user unknown", "unknown user", "unknown in", "no such user", "no such recipient", "no such mailbox",
    "no such address", "no such person", "no such account", "no such local", "no such id", "no such email",
    "no mailbox", "mailbox not found", "mailbox unavailable", "mailbox does not", "does not exist", "doesn't exist",
    "do not exist", "not exist", "non-existent", "nonexistent", "doesn't have a", "does not have a",
    "not have an account", "doesn't have an", "unknown recipient", "recipient unknown", "invalid recipient",
    "invalid mailbox", "invalid address", "invalid user", "recipient not found", "recipientnotfound", "recipnotfound",
    "user not found", "address not found", "account not found", "mailbox is unknown", "not our customer",
    "no longer on server", "bad destination mailbox", "unknown address", "address unknown", "unknown local",
    "unknown mailbox", "unrouteable address", "unroutable address", "undeliverable address",
    "unknown or illegal alias", "not listed in", "isn't listed", "is not listed", "not a valid", "not known here",
    "recipient rejected: unknown", "recipient address rejected: unknown", "address rejected: undeliverable",
    "unknown account", "no account", "couldn't be found", "could not be found", "wasn't found", "was not found",
    "isn't known", "no user", "not recognized", "not recognised", "benutzer unbekannt", "unbekannter benutzer",
    "empfänger unbekannt", "unbekannter empfänger", "adresse unbekannt", "existiert nicht", "nicht vorhanden",
    "empfänger nicht gefunden", "gibt es nicht", "utilisateur inconnu", "destinataire inconnu", "adresse inconnue",
    "inexistant", "n'existe pas", "n’existe pas", "introuvable", "usuario desconocido", "destinatario desconocido",
    "no existe", "inexistente", "usuario no encontrado", "utente sconosciuto", "destinatario sconosciuto",
    "non esiste", "indirizzo inesistente", "usuário desconhecido", "destinatário desconhecido", "não existe",
    "nao existe", "usuário inexistente", "não encontrado", "onbekende gebruiker", "gebruiker onbekend",
    "ontvanger onbekend", "bestaat niet", "nie istnieje", "nieznany użytkownik", "nieznany odbiorca",
    "nie ma takiego", "nie ma takiej", "neexistuje", "neznámý uživatel", "neznámý příjemce", "okänd mottagare",
    "okänd användare", "finns inte", "findes ikke", "finnes ikke", "ukjent bruker", "ukendt bruger",
    "ei ole olemassa", "tuntematon", "bulunamadı", "bulunamadi", "mevcut değil", "ismeretlen", "nem létezik",
    "nu există", "necunoscut", "δεν υπάρχει", "άγνωστος χρήστης", "пользователь не найден", "пользователь неизвестен",
    "неизвестный пользователь", "не существует", "нет такого", "ящик не найден", "адресат не найден",
    "получатель не найден", "не існує", "не знайдено", "存在しません", "存在しない", "見つかりません", "宛先不明", "宛先が不明", "不存在", "查無此",
    "无此用户", "無此", "找不到", "存在하지", "존재하지 않", "없는 사용자", "찾을 수 없",
];

/// It was somebody's once.
pub(super) const CLOSED: &[&str] = &[
    "disabled", "deactivated", "inactive", "not active", "closed", "no longer", "discontinued", "has moved",
    "expired", "terminated", "cancelled", "canceled", "deaktiviert", "gelöscht", "nicht mehr", "désactivé",
    "supprimé", "n'est plus", "desactivad", "dado de baja", "ya no", "disattivat", "non è più", "desativad",
    "opgeheven", "niet meer", "nieaktywn", "usunięt", "zrušen", "inaktiver", "devre dışı", "отключ", "удален",
    "не активен", "停用", "無効", "已注销", "已註銷", "휴면", "해지",
];

/// What a word of [`CLOSED`] has to speak of.
pub(super) const OF_A_MAILBOX: &[&str] = &[
    "account", "mailbox", "user", "recipient", "address", "e-mail", "email", "konto", "postfach", "adresse", "compte",
    "boîte", "utilisateur", "cuenta", "buzón", "usuario", "utente", "casella", "indirizzo", "conta", "caixa",
    "usuário", "gebruiker", "postvak", "skrzynk", "konta", "schránk", "účet", "hesap", "ящик", "пользовател",
    "учётная", "аккаунт", "adres", "アカウント", "メール", "账户", "帳", "邮箱", "계정",
];

/// The whole domain is not there, or takes no mail.
pub(super) const NO_DOMAIN: &[&str] = &[
    "nxdomain", "host not found", "domain not found", "unknown host", "host unknown", "unknown domain",
    "domain unknown", "domain does not exist", "domain doesn't exist", "no such domain", "no such host",
    "non-existent domain", "nonexistent domain", "name or service not known", "domain name not found", "null mx",
    "no mx record found", "nullmx", "domain couldn't be found", "domain could not be found", "couldn't find any host",
    "does not accept mail (", "domain existiert nicht", "domaine inexistant", "dominio inexistente",
    "домен не существует",
];

/// A relay is still trying: how warnings say so.
pub(super) const DELAYED: &[&str] = &[
    "warning: message", "warning: could not send", "delayed", "will keep trying", "will be retried",
    "will continue to", "not yet been delivered", "has not yet", "still being retried", "do not need to resend",
    "need not resend", "no action is required", "verzögert", "retardé", "retrasado", "ritardo", "atrasad",
    "vertraagd", "opóźnion", "задерж", "延迟", "遅延", "지연",
];

/// Subjects of bounces.
pub(super) const UNDELIVERED: &[&str] = &[
    "undeliver", "delivery status", "delivery fail", "delivery notification", "delivery report", "delivery error",
    "delivery problem", "delivery has failed", "failure notice", "mail delivery", "returned mail",
    "returned to sender", "mail failure", "mail system error", "message not delivered", "non-delivery", "nondeliver",
    "not delivered", "could not be delivered", "couldn't be delivered", "ndn:", "bounce", "unzustellbar",
    "nicht zugestellt", "zustellung", "non remis", "non distribué", "échec de la remise", "échec de remise",
    "no entregado", "no se puede entregar", "no se pudo entregar", "error de entrega", "mancato recapito",
    "non recapitabile", "impossibile recapitare", "não entregue", "não foi entregue", "falha na entrega",
    "onbestelbaar", "niet bezorgd", "niedostarczon", "nie dostarczono", "nedoručiteln", "nedoručen", "oleverbar",
    "kunde inte levereras", "kunne ikke leveres", "teslim edilem", "не доставлено", "недоставлен", "не доставлен",
    "недоставк", "退信", "无法投递", "未送达", "無法傳遞", "配信不能", "配信できません", "配送エラー", "送信できません", "반송", "전송 실패",
];

/// Subjects of answers by machines for people who are away, or who want to know who writes.
pub(super) const AWAY: &[&str] = &[
    "out of office", "out of the office", "out-of-office", "automatic reply", "auto reply", "auto-reply", "autoreply",
    "auto response", "auto-response", "autoresponse", "automated reply", "automated response", "away from my",
    "on vacation", "vacation reply", "on leave", "on holiday", "abwesen", "nicht im büro", "automatische antwort",
    "urlaub", "absence du bureau", "réponse automatique", "absent(e)", "je suis absent", "en congé",
    "fuera de la oficina", "fuera de oficina", "respuesta automática", "respuesta automatica", "de vacaciones",
    "fuori ufficio", "fuori sede", "risposta automatica", "assenza", "fora do escritório", "ausência",
    "resposta automática", "de férias", "afwezig", "automatisch antwoord", "niet op kantoor", "poza biurem",
    "nieobecność", "odpowiedź automatyczna", "autoodpowiedź", "mimo kancelář", "automatická odpověď", "nepřítomnost",
    "frånvaro", "autosvar", "automatiskt svar", "fravær", "automatisk svar", "poissa", "automaattinen vastaus",
    "ofis dışında", "otomatik yanıt", "házon kívül", "automatikus válasz", "în afara biroului", "răspuns automat",
    "εκτός γραφείου", "αυτόματη απάντηση", "автоответ", "автоматический ответ", "вне офиса", "в отпуске",
    "автоматична відповідь", "自動返信", "自動応答", "不在", "自动回复", "自動回覆", "外出", "부재중", "자동 회신", "자동 응답",
    "please confirm your message", "confirm your email to", "challenge", "verify your address to reach",
    "spam arrest", "requires verification", "verification required", "please verify", "verify your email",
    "confirmation required", "bestätigung erforderlich", "confirmation requise", "se requiere confirmación",
    "требуется подтверждение",
];

/// All that somebody writes who wants to leave, and writes it by hand: a whole subject, or a whole first line.
pub(super) const LEAVE: &[&str] = &[
    "unsubscribe", "unsubscribe me", "please unsubscribe", "please unsubscribe me", "remove", "remove me",
    "please remove me", "stop", "opt out", "opt-out", "abmelden", "bitte abmelden", "abmeldung", "abbestellen",
    "newsletter abbestellen", "newsletter abmelden", "austragen", "bitte austragen", "désabonner", "désabonnement",
    "me désabonner", "désinscription", "désinscrire", "baja", "darme de baja", "cancelar suscripción", "desuscribir",
    "cancellami", "disiscrizione", "disiscrivimi", "cancellazione", "descadastrar", "cancelar inscrição",
    "cancelar subscrição", "afmelden", "uitschrijven", "wypisz", "wypisz mnie", "rezygnacja", "odhlásit", "odhlásiť",
    "avregistrera", "avprenumerera", "avmeld", "frameld", "afmeld", "leiratkozás", "dezabonare", "abonelikten çık",
    "отписаться", "отписка", "отпишите меня", "отписаться от рассылки", "відписатися", "退订", "取消订阅", "退訂", "取消訂閱",
    "配信停止", "購読解除", "구독 취소", "구독취소", "수신거부", "إلغاء الاشتراك",
];
