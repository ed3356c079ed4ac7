//! Whether an answer declines instead of answering. Looks at its beginning and its length only, and rather lets a refusal pass than
//! calls an answer one: what begins with a caveat and goes on is an answer.

use super::refusal_phrases::{
    APOLOGIES, Between, CAVEATS, CONTRASTS, DECLINES, DECLINING, Declining, LEAD_INS, OFFERS, ROLES, TURNS,
};

/// A refusal says why, and what else could be done. What is longer than this has answered something. In bytes, because a Chinese
/// character says as much as three letters.
const LONGEST_REFUSAL_BYTES: usize = 1200;

/// The same for one whose first sentence offers something else: in more words, that is done and not only offered.
const LONGEST_WITH_OFFER_BYTES: usize = 400;

/// A refusal comes at once.
const OPENING_CHARACTERS: usize = 400;

/// "I'm sorry. Unfortunately, as an AI, ...": nobody leads up to a refusal in more steps.
const MOST_STEPS: usize = 5;

/// "As an AI language model, trained to help, ...": a longer clause says more than who speaks.
const ROLE_CHARACTERS: usize = 80;

/// Whether this is a refusal, were it to end here.
pub(super) fn declines(answer: &str) -> bool {
    let answer = answer.trim();
    if answer.len() > LONGEST_REFUSAL_BYTES {
        return false;
    }
    let opening = normalise(answer);
    let Some(rest) = after_decline(&opening, MOST_STEPS, false) else { return false };
    let contrast = CONTRASTS.iter().find_map(|contrast| sentence_after(rest, contrast));
    if let Some(after) = contrast
        && (answer.len() > LONGEST_WITH_OFFER_BYTES || !offers(after.trim_matches(is_joint)))
    {
        return false;
    }
    let answer = answer.to_lowercase().replace('’', "'");
    !TURNS.iter().any(|turn| contains_word(&answer, turn))
}

/// Whether something is offered here, or may be once the text goes on.
fn offers(text: &str) -> bool {
    strip_any(text, OFFERS).is_some() || each(OFFERS).any(|offer| offer.starts_with(text))
}

/// The beginning in lower case, without marks of emphasis. Where somebody is quoted, or code begins, those signs still stand first.
fn normalise(answer: &str) -> String {
    let is_ornament = |c: char| {
        c.is_whitespace()
            || "*_#>-~.!¡".contains(c)
            || !(c.is_ascii() || c.is_alphanumeric() || "“”„«»‘’‹「『《".contains(c))
    };
    let text = answer.trim_start_matches(is_ornament).chars().take(OPENING_CHARACTERS);
    let plain = text.filter(|c| !matches!(c, '*' | '_')).map(|c| match c {
        '’' | '‘' => '\'',
        c if c != '\n' && c.is_whitespace() => ' ',
        c => c,
    });
    let mut opening = plain.collect::<String>().to_lowercase();
    // So that every sentence has an end.
    opening.push('.');
    opening
}

/// What follows the words that decline, where there are such words.
fn after_decline(opening: &str, steps: usize, led_up_to: bool) -> Option<&str> {
    if let Some(after) = strip_any(opening, DECLINES) {
        return Some(after);
    }
    if let Some(after) = DECLINING.iter().find_map(|language| after_verb(language, opening, led_up_to)) {
        return Some(after);
    }
    let steps = steps.checked_sub(1)?;
    let go_on = |rest: &'_ str| -> Option<usize> {
        let rest = rest.trim_start_matches(is_joint);
        after_decline(rest, steps, true).map(str::len)
    };
    let left = if let Some(after) = strip_any(opening, APOLOGIES) {
        // "I'm sorry you feel that way, but I can't ...", or the same in two sentences.
        let after_but = || CAVEATS.iter().find_map(|but| go_on(sentence_after(after, but)?));
        go_on(after).or_else(after_but).or_else(|| go_on(&after[sentence(after).len()..]))
    } else if let Some(after) = strip_any(opening, LEAD_INS) {
        go_on(after)
    } else if strip_any(opening, ROLES).is_some() {
        let comma = opening.char_indices().take(ROLE_CHARACTERS).find(|(_, c)| matches!(c, ',' | '，' | '、'))?.0;
        go_on(&opening[comma..])
    } else {
        None
    };
    left.map(|left| &opening[opening.len() - left..])
}

/// "I can't" and then "help": what follows both.
fn after_verb<'a>(language: &Declining, opening: &'a str, led_up_to: bool) -> Option<&'a str> {
    if language.after_regret && !led_up_to {
        return None;
    }
    let after = strip_any(opening, language.begins)?;
    // "I'm sorry, I can't."
    if led_up_to && after.len() < opening.len() && after.starts_with(['.', '!', '。']) {
        return Some(after);
    }
    match language.between {
        Between::Only(words) => {
            let mut rest = after.trim_start();
            for _ in 0..MOST_STEPS {
                if let Some(rest) = each(language.verbs).find_map(|verb| rest.strip_prefix(verb)) {
                    return Some(rest);
                }
                rest = strip_any(rest, words)?.trim_start();
            }
            None
        }
        Between::Negation(negations) => {
            let clause = &after[..after.find([',', '.', '!', '?', ';', ':', '\n']).unwrap_or(after.len())];
            let negation = each(negations).filter_map(|word| word_end(clause, word)).min()?;
            let verb = each(language.verbs).filter_map(|verb| word_start(&clause[negation..], verb)).min()?;
            Some(&after[negation + verb..])
        }
        Between::Characters(most) => {
            let near = sentence(after).char_indices().nth(most).map_or(sentence(after).len(), |(at, _)| at);
            let verb = each(language.verbs).filter_map(|verb| after.find(verb)).filter(|at| *at <= near).min()?;
            Some(&after[verb..])
        }
    }
}

fn each(phrases: &str) -> impl Iterator<Item = &str> {
    phrases.split('|').map(str::trim)
}

/// The text without the first of these that it begins with as a word.
fn strip_any<'a>(text: &'a str, phrases: &str) -> Option<&'a str> {
    each(phrases).find_map(|phrase| {
        let after = text.strip_prefix(phrase)?;
        let goes_on = phrase.ends_with(is_letter) && after.starts_with(is_letter);
        (!goes_on).then_some(after)
    })
}

/// A letter of a script that sets spaces between words.
fn is_letter(c: char) -> bool {
    c.is_alphabetic() && c < '\u{1100}'
}

fn is_joint(c: char) -> bool {
    c.is_whitespace() || ",.!:;-—–…、，。！".contains(c)
}

/// Up to the end of the first sentence.
fn sentence(text: &str) -> &str {
    &text[..text.find(['.', '!', '?', '\n', '。', '！', '？']).unwrap_or(text.len())]
}

/// What follows a word of the first sentence, to the end of the text.
fn sentence_after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    sentence(text).find(word).map(|at| &text[at + word.len()..])
}

/// Where a word that begins so begins.
fn word_start(text: &str, beginning: &str) -> Option<usize> {
    text.match_indices(beginning).map(|(at, _)| at).find(|at| !text[..*at].ends_with(is_letter))
}

/// Where this very word ends.
fn word_end(text: &str, word: &str) -> Option<usize> {
    let ends = text.match_indices(word).filter(|(at, _)| !text[..*at].ends_with(is_letter));
    ends.map(|(at, _)| at + word.len()).find(|end| !text[*end..].starts_with(is_letter))
}

fn contains_word(text: &str, beginning: &str) -> bool {
    word_start(text, beginning).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_recognised() {
        let refusals = [
            "I'm sorry, but I can't help with that.",
            "I’m sorry, but I can’t assist with that request.",
            "**I cannot help with this.** It could hurt somebody.",
            "> Sorry — I can't do that.",
            "🙏 I'm sorry, I can't.",
            "I'm sorry I can't help you with that",
            "As an AI language model, I cannot provide medical advice.",
            "I'm really sorry you're feeling this way, but I'm unable to provide the help that you need.",
            "I understand that this is frustrating. Unfortunately, I'm not able to assist with that.",
            "Unfortunately, I am unable to fulfill this request because there is a policy against it.",
            "I must respectfully decline.",
            "I can't help with that, but I can explain how locks work in general if you like.",
            "I won't create content of this kind.",
            "I'm afraid I can't directly answer that question.",
            "I'm unable to assist with this request; however, I can offer general information.",
            "I can't help with that, but",
            "I appreciate you asking, but I can't help with this.",
            "No, I don't think I can help with that.",
            "I'm just an AI and cannot provide legal advice.",
            "Es tut mir leid, aber ich kann Ihnen bei dieser Anfrage leider nicht helfen.",
            "Tut mir leid, dabei kann ich nicht behilflich sein.",
            "Ich kann dazu keine Informationen bereitstellen.",
            "Ich darf diese Frage nicht beantworten.",
            "Je suis désolé, mais je ne peux pas vous aider avec cela.",
            "Désolée, je ne peux malheureusement pas répondre à cette demande.",
            "Lo siento, pero no puedo ayudarte con eso.",
            "Lo siento, no puedo proporcionar esa información.",
            "Mi dispiace, ma non posso aiutarti con questa richiesta.",
            "Come modello linguistico, non sono in grado di fornire consigli medici.",
            "Desculpe, mas não posso ajudar com isso.",
            "Infelizmente, não consigo fornecer essas informações.",
            "Het spijt me, maar ik kan je daar niet mee helpen.",
            "Sorry, ik kan geen medisch advies geven.",
            "Извините, но я не могу помочь с этим запросом.",
            "К сожалению, я не могу предоставить такую информацию.",
            "Przykro mi, ale nie mogę w tym pomóc.",
            "抱歉，我无法协助您完成这个请求。",
            "很抱歉，我不能提供这方面的信息。",
            "作为一个人工智能语言模型，我无法回答这个问题。",
            "申し訳ありませんが、そのご要望にはお応えできません。",
            "申し訳ございません。安全上の理由から、その件についてはお手伝いできません。",
            "申し訳ありませんが、その情報を提供することはできません。",
            "抱歉，这个问题我无法回答。",
            "Извините, я не могу этого сделать.",
            "죄송하지만 그 요청은 도와드릴 수 없습니다.",
        ];
        let missed: Vec<&str> = refusals.into_iter().filter(|refusal| !declines(refusal)).collect();
        assert!(missed.is_empty(), "{missed:#?}");
    }

    #[test]
    fn answers_are_not_taken_for_refusals() {
        let long_caveat =
            "I can't give legal advice, but as a rule ".to_owned() + &"a contract needs two wills. ".repeat(15);
        let long = "I cannot provide a full proof. ".to_owned() + &"The idea is this. ".repeat(70);
        let answers = [
            "I can't recommend this book enough!",
            "I can't help but admire the way you write.",
            "I can't wait to help you with that.",
            "I can't thank you enough for your help.",
            "I'm sorry to hear that your dog died. Here is what can help you grieve.",
            "I'm sorry for your loss. Take your time, and talk to somebody you trust.",
            "I'm sorry, that was a mistake of mine: the sum is 12.",
            "Sorry for the confusion! The function returns a list.",
            "I can't provide the weather of today. Here's how to look it up: open ...",
            "I cannot answer with certainty.\n```python\nprint(1)\n```",
            "I can't provide medical advice, but ibuprofen is usually taken every six hours.",
            "I can't create the file without root rights, so run: sudo touch /etc/x",
            "Thanks for the report, but I can't reproduce it here.",
            "Ich kann dir keine Zahlen geben, aber meistens hilft es.",
            "抱歉，我刚才算错了，答案是12。",
            "\"I can't help you,\" said the wizard, and turned away.",
            "“I can't do this anymore,” she whispered.",
            "I can't do this anymore, she thought. The rain had not stopped for days.",
            "Unfortunately, the train is late.",
            "Many people cannot help themselves.",
            "Butter and flour, then sugar.",
            "You can't help everybody.",
            "No, I can't think of any other country with that flag.",
            "Ich kann dieses Buch nicht genug empfehlen.",
            "Ich kann dir helfen: zuerst musst du das Fenster öffnen.",
            "Leider fährt der Zug heute nicht.",
            "Je ne peux pas imaginer une meilleure réponse.",
            "No puedo recomendar este libro lo suficiente.",
            "Non posso crederci!",
            "Não posso acreditar nisso.",
            "Ik kan je daar goed mee helpen.",
            "Я не могу нарадоваться этой книге.",
            "我无法想象没有音乐的世界。",
            "Pythonでは文字列を変更することはできません。",
            "申し訳ありません、先ほどの答えは間違いでした。正しくは12です。",
            "42",
            "",
            "...",
            long_caveat.as_str(),
            long.as_str(),
        ];
        let mistaken: Vec<&str> = answers.into_iter().filter(|answer| declines(answer)).collect();
        assert!(mistaken.is_empty(), "{mistaken:#?}");
    }

    #[test]
    fn no_text_is_too_odd_to_be_read() {
        for odd in ["İ can't", "ß’", "—", "i can't\u{301}", "我无", "İİİİ as an ai", "as an ai 、", "\u{0}"]
        {
            for times in [1, 50, 300] {
                declines(&odd.repeat(times));
            }
        }
    }
}
