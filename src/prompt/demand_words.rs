//! The words of which a demand about model choice is made, per language. A sentence counts as one only if it holds no other
//! words, so these lists are what may be lost from a prompt: keep them short.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What a word does in a demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Use, send, switch.
    Choice,
    /// Model.
    Model,
    /// Best, strongest.
    Rank,
    /// Critical, urgent.
    Urgency,
    /// Whatever else may stand there.
    Filler,
}

/// Word to part, one map a language.
pub(super) static LANGUAGES: LazyLock<[HashMap<&'static str, Part>; 4]> = LazyLock::new(|| {
    [ENGLISH, GERMAN, FRENCH, SPANISH].map(|lists| {
        let parts = [Part::Choice, Part::Model, Part::Rank, Part::Urgency, Part::Filler];
        parts
            .into_iter()
            .zip(lists)
            .flat_map(|(part, words)| words.split_whitespace().map(move |word| (word, part)))
            .collect()
    })
});

/// Names of model families: a word that begins with one names a model.
pub(super) const FAMILIES: &[&str] = &[
    "gpt", "chatgpt", "claude", "gemini", "llama", "mistral", "mixtral", "deepseek", "qwen", "grok", "o1-", "o3-",
    "o4-",
];

/// Words that name a model only beside its family or the word "model".
pub(super) const VARIANTS: &[&str] = &[
    "opus", "sonnet", "haiku", "fable", "mini", "nano", "pro", "turbo", "ultra", "flash", "max", "large", "preview",
    "latest", "o1", "o3", "o4",
];

/// Choice, model, rank, urgency, filler.
type Lists = [&'static str; 5];

const ENGLISH: Lists = [
    "use using route routed reroute send forward pick choose select switch escalate upgrade assign need needs require requires \
     want deserves demands prefer handled answered processed served skip bypass avoid",
    "model models llm llms ai engine router",
    "best strongest smartest largest biggest powerful capable expensive premium top frontier flagship highest better stronger \
     smarter larger bigger cheap cheaper cheapest weak weaker weakest small smaller smallest fast fastest advanced intelligent \
     high-end top-tier state-of-the-art",
    "critical important urgent crucial vital essential mission-critical business-critical safety-critical emergency",
    "this that it is it's its so very extremely super really highly absolutely the a an your our most more please pls for me us \
     to on with by in at of and because as request prompt query question task message conversation job one you must should has \
     have be only just always now here not do don't any other available possible ever there matter cost price regardless \
     whatever no i level tier quality mission business production priority ignore previous routing instead never than can't \
     cannot will got gets get make sure ensure highest-quality s t attention note dear system strictly directly immediately straight",
];

const GERMAN: Lists = [
    "nimm nutze benutze verwende verwenden nehmen nutzen benutzen leite leiten weiterleiten schick schicke schicken sende senden \
     wähle wählen wechsle wechseln brauche braucht benötigt benötige erfordert verlangt",
    "modell modells modelle sprachmodell ki",
    "beste besten bestes bester stärkste stärksten stärkstes leistungsfähigste leistungsfähigsten leistungsstärkste \
     leistungsstärksten klügste klügsten größte größten größtes teuerste teuersten teures billige billigen großes starkes",
    "kritisch wichtig dringend unternehmenskritisch entscheidend lebenswichtig",
    "das dies diese dieser dieses diesen ist es sehr extrem äußerst wirklich bitte also und an für hier hierfür dafür deshalb \
     daher unbedingt nur immer jetzt anfrage frage aufgabe nachricht dein deine deinem ihr ihre ein eine einen einem der die \
     den dem zum mit zu auf ich du sie muss werden wird soll sollte weiter verfügbare verfügbaren mir dazu kein keine keines",
];

const FRENCH: Lists = [
    "utilise utilisez utiliser prends prenez choisis choisissez choisir envoie envoyez envoyer route routez passe passez emploie \
     employez exige nécessite veux besoin",
    "modèle modele modèles modeles ia",
    "meilleur meilleure puissant puissante performant performante intelligent intelligente grand gros cher chère fort forte \
     capable avancé",
    "critique important importante urgent urgente crucial cruciale essentiel essentielle vital",
    "le la les l c est ceci cela ça ca c'est très tres extrêmement vraiment s'il s il te vous plaît plait svp plus pour cette ce \
     cet demande question requête tâche message à a au aux vers ton votre tes vos de d du un une donc et uniquement seulement \
     toujours il faut doit être disponible possible je j moi ai absolument en avec",
];

const SPANISH: Lists = [
    "usa use usar utiliza utilice utilizar emplea emplee elige elija escoge envía envia envíalo envialo manda mándalo enruta \
     dirige pasa necesita necesito requiere quiero exige",
    "modelo modelos ia",
    "mejor mejores potente potentes fuerte inteligente capaz grande caro avanzado",
    "crítico critico crítica critica importante urgente esencial vital",
    "el la los las lo esto esta este es muy extremadamente realmente por favor más mas para tarea petición solicitud consulta \
     pregunta mensaje al a con de del tu su un una así asi que y siempre solo sólo debe ser disponible posible hay me yo se",
];
