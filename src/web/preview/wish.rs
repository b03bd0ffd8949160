//! What is to be shown, and how: the query of a URL as a value, and back. What a query does not say, or says wrongly, is as usual.

use form_urlencoded::Serializer;

use super::newsroom::Reader;

/// An issue, and how it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The folder.
    pub(super) slug: String,
    /// How it is looked at.
    pub(super) wish: Wish,
}

/// How an issue is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    /// What of it.
    pub(super) view: View,
    /// How wide the window is.
    pub(super) width: Width,
    /// Whether its reader prefers dark.
    pub(super) dark: bool,
    /// Whose copy.
    pub(super) reader: Reader,
    /// Which readers are looked for.
    pub(super) find: String,
    /// The test mail that is told of.
    pub(super) told: Option<u64>,
}

/// A side of an issue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum View {
    /// The HTML part.
    #[default]
    Html,
    /// The text part.
    Text,
    /// The headers and the message as it travels.
    Source,
}

/// The width of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Width {
    /// A phone.
    Narrow,
    /// A reading pane.
    #[default]
    Middle,
    /// A desk.
    Wide,
}

impl View {
    pub(super) const ALL: [Self; 3] = [Self::Html, Self::Text, Self::Source];

    /// Returns the word that stands for it in a URL.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Text => "text",
            Self::Source => "source",
        }
    }
}

impl Width {
    pub(super) const ALL: [Self; 3] = [Self::Narrow, Self::Middle, Self::Wide];

    /// Returns it in pixels, which is also how a URL says it.
    pub(super) fn pixels(self) -> &'static str {
        match self {
            Self::Narrow => "320",
            Self::Middle => "600",
            Self::Wide => "1200",
        }
    }
}

impl Reader {
    /// Returns what stands for it in a URL. No address is without an `@`.
    pub(super) fn word(&self) -> &str {
        match self {
            Self::Sample => "",
            Self::Blank => "blank",
            Self::Listed(address) => address,
        }
    }

    fn read(word: &str) -> Self {
        match word {
            "" => Self::Sample,
            "blank" => Self::Blank,
            address => Self::Listed(address.to_owned()),
        }
    }
}

impl Wish {
    /// Reads a query, or the body of a form.
    pub(super) fn read(query: &str) -> Self {
        let mut wish = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.trim();
            match &*name {
                "view" => wish.view = named(View::ALL, View::word, value),
                "width" => wish.width = named(Width::ALL, Width::pixels, value),
                "mode" => wish.dark = value == "dark",
                "as" => wish.reader = Reader::read(value),
                "find" => value.clone_into(&mut wish.find),
                "told" => wish.told = value.parse().ok(),
                _ => {}
            }
        }
        wish
    }

    /// Tells whether the copy leaves no room beside it.
    pub(super) fn is_broad(&self) -> bool {
        self.view == View::Html && self.width == Width::Wide
    }

    /// Returns the names and values that say it; what is as usual is not said.
    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        let usual = Self::default();
        let pairs = [
            (self.view != usual.view, "view", self.view.word()),
            (self.width != usual.width, "width", self.width.pixels()),
            (self.dark, "mode", "dark"),
            (self.reader != usual.reader, "as", self.reader.word()),
            (!self.find.is_empty(), "find", &self.find),
        ];
        let pairs = pairs.into_iter().filter(|(is_said, ..)| *is_said);
        let told = self.told.map(|number| ("told", number.to_string()));
        pairs.map(|(_, name, value)| (name, value.to_owned())).chain(told).collect()
    }
}

/// Returns the one that has this word, else the usual one.
fn named<T: Copy + Default, const N: usize>(
    all: [T; N],
    word: fn(T) -> &'static str,
    said: &str,
) -> T {
    all.into_iter().find(|one| word(*one) == said).unwrap_or_default()
}

impl Place {
    /// Returns an issue, looked at as usual.
    pub(super) fn new(slug: String) -> Self {
        Self { slug, wish: Wish::default() }
    }

    /// Returns the URL of its page, from the root.
    pub(super) fn path(&self) -> String {
        self.below("")
    }

    /// Returns the URL of something of the issue, in the same copy.
    pub(super) fn below(&self, what: &str) -> String {
        let mut path = String::from("/issues/");
        path.extend(form_urlencoded::byte_serialize(self.slug.as_bytes()));
        // In a path a blank is not a plus sign.
        let mut path = path.replace('+', "%20");
        path.push_str(what);
        let pairs = self.wish.pairs();
        if !pairs.is_empty() {
            path.push('?');
            let start = path.len();
            path = Serializer::for_suffix(path, start).extend_pairs(pairs).finish();
        }
        path
    }

    /// Returns the URL of the page as it would be after a change. What was told of a test mail is past then.
    pub(super) fn but(&self, change: impl FnOnce(&mut Self)) -> String {
        let mut place = self.clone();
        place.wish.told = None;
        change(&mut place);
        place.path()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_its_query() {
        let wish = Wish {
            view: View::Text,
            width: Width::Narrow,
            dark: true,
            reader: Reader::Listed("a+b&c@example.org".to_owned()),
            find: "O’N ?".to_owned(),
            told: Some(3),
        };
        let place = Place { slug: "2003 é".to_owned(), wish };
        let path = place.path();
        assert_eq!(
            path,
            "/issues/2003%20%C3%A9?view=text&width=320&mode=dark&as=a%2Bb%26c%40example.org&find=O%E2%80%99N+%3F&told=3"
        );
        let (_, query) = path.split_once('?').expect("it has a query");
        assert_eq!(Wish::read(query), place.wish);
        assert_eq!(Place::new("a".to_owned()).path(), "/issues/a");
    }

    #[test]
    fn what_a_query_says_wrongly_is_as_usual() {
        let query = "view=xml&width=9&mode=x&as=&told=-1&&=&%ff=%fe&width";
        assert_eq!(Wish::read(query), Wish::default());
    }
}
