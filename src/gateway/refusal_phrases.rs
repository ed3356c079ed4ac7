//! How answers decline, language by language: lower case, straight apostrophes, `|` between them. Only what declines the request itself stands here: "I
//! cannot recommend it enough" and "I cannot see your screen" begin in the same way and are answers.

/// What stands between the beginning ("I can't") and the verb that makes it a refusal ("help").
pub(super) enum Between {
    /// Nothing but these words.
    Only(&'static str),
    /// Anything within the clause, one of these among it: the verb comes last.
    Negation(&'static str),
    /// Up to this many characters of the sentence.
    Characters(usize),
}

/// One language's way of declining.
pub(super) struct Declining {
    /// These words decline only after an apology or the like; without one they may state any fact.
    pub(super) after_regret: bool,
    pub(super) begins: &'static str,
    pub(super) between: Between,
    /// Beginnings of words, or what stands anywhere where a language writes no spaces.
    pub(super) verbs: &'static str,
}

/// Apologies and regrets. They may stand before a refusal, and before anything else.
pub(super) const APOLOGIES: &str = "i appreciate | thank you | thanks | i'm really sorry | i'm very sorry | i'm so sorry | i'm truly sorry | i'm sorry | i am really sorry | \
    i am very sorry | i am sorry | we're sorry | so sorry | sorry about that | sorry | my apologies | \
    apologies | i apologize | i apologise | thank you for asking | thanks for asking | \
    thank you for your question | thank you for your request | i understand | es tut mir sehr leid | \
    es tut mir leid | tut mir leid | entschuldigung | entschuldige | entschuldigen sie | \
    ich bitte um entschuldigung | ich bitte um verständnis | sorry | je suis vraiment désolée | \
    je suis vraiment désolé | je suis désolée | je suis désolé | désolée | désolé | navré | je m'excuse | \
    je vous prie de m'excuser | excusez-moi | lo siento mucho | lo siento | lo lamento | perdón | perdona | \
    disculpa | disculpe | mis disculpas | mi dispiace molto | mi dispiace | mi spiace | scusa | scusami | \
    mi scuso | sinto muito | lamento | desculpe | desculpa | peço desculpas | peço desculpa | het spijt me | \
    het spijt mij | mijn excuses | excuses | мне очень жаль | мне жаль | извините | простите | прошу прощения | \
    приношу извинения | bardzo mi przykro | przykro mi | przepraszam | 非常抱歉 | 很抱歉 | 十分抱歉 | 抱歉 | 对不起 | 對不起 | \
    不好意思 | 申し訳ありません | 申し訳ございません | すみません | ごめんなさい | 죄송합니다 | 미안합니다";

/// Words that lead up to a refusal and need nothing after them.
pub(super) const LEAD_INS: &str = "no | hmm | well | nein | non | não | нет | nee | unfortunately | regrettably | i'm afraid that | i'm afraid | i am afraid that | i am afraid | \
    i regret that | but | however | while i understand your request | leider | bedauerlicherweise | aber | \
    jedoch | malheureusement | hélas | je crains que | mais | cependant | desafortunadamente | \
    lamentablemente | por desgracia | me temo que | pero | sin embargo | purtroppo | sfortunatamente | \
    temo che | ma | però | infelizmente | receio que | mas | porém | no entanto | helaas | maar | echter | \
    к сожалению | увы | боюсь, что | но | однако | niestety | ale | jednak | 但是 | 但 | 不过 | 很遗憾 | 遗憾的是 | 很遺憾 | \
    が | けど | しかし | 残念ながら | 残念ですが | 恐れ入りますが | 恐縮ですが | 申し訳ありませんが | 申し訳ございませんが | 申し訳ないのですが | 申し訳ないですが | すみませんが | \
    죄송하지만 | 죄송합니다만 | 죄송스럽지만 | 유감스럽게도 | 안타깝게도 | 하지만";

/// "As an AI language model, ...": such a clause ends at its comma.
pub(super) const ROLES: &str = "as an ai | as a language model | as a large language model | as an assistant | als ki | \
    als künstliche intelligenz | als sprachmodell | en tant qu'ia | en tant qu'intelligence | \
    en tant que modèle | en tant qu'assistant | como modelo de lenguaje | como un modelo de lenguaje | \
    como ia | como una ia | como inteligencia artificial | como asistente | come modello linguistico | \
    come ia | come intelligenza artificiale | come assistente | como um modelo de linguagem | \
    como modelo de linguagem | como uma ia | como inteligência artificial | como assistente | als ai | \
    als taalmodel | als een ai | как языковая модель | как ии | как искусственный интеллект | \
    jako model językowy | 作为一个 | 作为人工智能 | 作为ai | 作为一名 | 作為 | aiとして | 人工知能として | 言語モデルとして | ai 언어 모델로서 | 인공지능";

/// What turns a refusal into a caveat, as in "I can't give legal advice, but as a rule ...".
pub(super) const CONTRASTS: &[&str] = &[
    ", but ",
    " however",
    ", so ",
    ", aber ",
    " jedoch",
    ", mais ",
    " cependant",
    " pero ",
    "sin embargo",
    ", ma ",
    " però ",
    ", mas ",
    " porém",
    " maar ",
    " echter",
    ", но ",
    " однако",
    ", ale ",
    "但是",
    "但",
    "不过",
    "ませんが",
    "지만",
];

/// What follows such a word where the refusal stands, and only something else is offered instead.
pub(super) const OFFERS: &str = "i can | i could | i'd | i would | i'm happy | i am happy | i'm able | i will | i'll | we can | \
    if you | you can | you could | you may | feel free | please | let me | perhaps i | maybe i | ich kann | ich könnte | ich helfe | \
    gerne | wenn du | wenn sie | du kannst | sie können | bitte | je peux | je pourrais | je serais | si vous | si tu | vous pouvez | \
    n'hésite | puedo | podría | si quieres | si necesitas | si tienes | con gusto | posso | potrei | se vuoi | se hai | puoi | \
    poderia | se quiser | se precisar | você pode | ik kan | ik wil | als je | als u | je kunt | u kunt | я могу | могу | буду рад | \
    буду рада | если | mogę | jeśli | chętnie | 我可以 | 我能 | 我很乐意 | 如果 | 您可以 | 你可以 | 请 | 可以";

/// Where a sentence that began with an apology comes to its point.
pub(super) const CAVEATS: &[&str] =
    &[", but ", ", aber ", ", mais ", ", pero ", ", ma ", ", mas ", ", maar ", ", но ", ", ale ", "，但"];

/// What comes before the thing asked for: the refusal was only a caveat.
pub(super) const TURNS: &[&str] = &[
    "here is",
    "here's",
    "here are",
    "here you go",
    "```",
    "hier ist",
    "hier sind",
    "voici",
    "aquí tienes",
    "aquí está",
    "ecco",
    "aqui está",
    "aqui estão",
    "hier is",
    "hier zijn",
    "вот",
    "以下是",
    "以下に",
    "以下は",
    "以下の",
    "다음은",
];

/// These decline by themselves.
pub(super) const DECLINES: &str = "i need to decline | i have to refuse | i must refuse | i must decline | i must respectfully decline | i have to decline | i'll have to decline | \
    i will have to decline | i'm going to have to decline | i respectfully decline | i'm declining | \
    i decline to | that's not something i can | that is not something i can | this is not something i can | \
    this isn't something i can | that isn't something i can | i don't feel comfortable | \
    i do not feel comfortable | i'm not comfortable | i am not comfortable | i'd rather not | \
    this request violates | your request violates | this request goes against | \
    it would be inappropriate for me | ich muss ablehnen | ich muss diese anfrage ablehnen | ich lehne | \
    je dois décliner | je dois refuser | je refuse de répondre | debo rechazar | debo declinar | \
    devo rifiutare | devo declinare | devo recusar | ik moet weigeren | ik moet dit verzoek weigeren | \
    я вынужден отказать | я вынуждена отказать | muszę odmówić | 我必须拒绝 | 我拒绝 | お断り | 거절";

const ENGLISH_BETWEEN: &str = "directly | fully | personally | actually | really | currently | ethically | legally | safely | \
    responsibly | knowingly | just | simply | in good conscience | to | or";

const ENGLISH_VERBS: &str = "help with | help you | help create | help write | help in | help on | help. | help, | help! | help make | \
    help find | assist | help here | help at | provide | comply | fulfil | do that. | do that, | do that for | \
    do this. | do this, | do this for | do so. | do what you | answer | respond | discuss | engage | generate | \
    create | write th | write a | write content | produce | share | give advice | give you advice | \
    give instructions | give you instructions | give information | give medical | give legal | give financial | \
    offer | support this | support that | support your | continue with | continue this | participate | \
    complete th | complete your | process th | process your | accommodate | carry out | perform th | \
    facilitate | advise | go along | be part of | be involved | role-play | roleplay";

/// The languages, and in them what declines with a verb of helping.
pub(super) const DECLINING: &[Declining] = &[
    Declining {
        after_regret: false,
        begins: "i cannot and will not | i can't and won't | i don't think i can | i do not think i can | \
            i'm just an ai and cannot | i'm just an ai and can't | i'm an ai and cannot | i am an ai and cannot | i can't | i cannot | i can not | i won't | i will not | i'm not able | i am not able | i'm unable | \
            i am unable | i'm not going | i am not going | i'm not allowed | i am not allowed | \
            i'm not permitted | i shouldn't | i should not | i refuse | i'm not in a position | \
            i don't have the ability | i do not have the ability | we can't | we cannot",
        between: Between::Only(ENGLISH_BETWEEN),
        verbs: ENGLISH_VERBS,
    },
    Declining {
        after_regret: false,
        begins: "bei dieser anfrage kann ich | bei diesem anliegen kann ich | auf diese frage kann ich | ich kann | ich darf | ich werde | ich möchte | ich bin | dabei kann ich | damit kann ich | \
            dazu kann ich | da kann ich | hier kann ich | hierbei kann ich | das kann ich | dies kann ich | \
            diese anfrage kann ich | kann ich",
        between: Between::Negation("nicht | kein | keine | keinen | keinerlei"),
        verbs: "helfen | weiterhelfen | behilflich | unterstützen | beantworten | antworten | erfüllen | \
            bereitstellen | nachkommen | bearbeiten | ausführen | erstellen | schreiben | liefern | tun | \
            machen | anbieten | teilen | geben | generieren | in der lage",
    },
    Declining {
        after_regret: false,
        begins: "ik kan | ik mag | ik zal | ik wil | ik ben | daar kan ik | hier kan ik | hiermee kan ik | dat kan ik",
        between: Between::Negation("niet | geen"),
        verbs: "helpen | assisteren | beantwoorden | antwoorden | voldoen | geven | verstrekken | bieden | \
            leveren | uitvoeren | maken | schrijven | doen | ondersteunen | delen | genereren | in staat",
    },
    Declining {
        after_regret: false,
        begins: "je ne peux | je ne pourrai | je ne suis | je ne saurais | il ne m'est | il m'est impossible | \
            je suis dans l'incapacité",
        between: Between::Only(
            "pas | malheureusement | vous | te | en mesure | capable | autorisé | autorisée | possible | de | y",
        ),
        verbs: "aider | t'aider | d'aider | vous aider | assister | répondre | fournir | donner de conseil | \
            donner d'i | accéder à | satisfaire | traiter | créer | écrire | générer | faire cela | faire ça | \
            accompagner | participer | continuer | produire | offrir | partager",
    },
    Declining {
        after_regret: false,
        begins: "no puedo | no podré | no me es posible | no soy capaz de | no estoy en condiciones de | \
            no estoy autorizado | no voy a",
        between: Between::Only("a | para"),
        verbs: "ayud | asist | proporcion | cumplir | respond | facilitar | ofrec | generar | crear | escribir | \
            brindar | completar | hacer eso | hacer esto | hacerlo | realizar | participar | compartir | \
            contestar | atender | darte | dar consejo | dar informaci",
    },
    Declining {
        after_regret: false,
        begins: "non posso | non potrò | non sono in grado di | non mi è possibile | non sono autorizzato a",
        between: Between::Only(""),
        verbs: "aiut | assist | forni | rispond | soddisf | eseguire | generare | creare | scrivere | offrir | \
            partecipare | completare | farlo | fare questo | darti | dare consigli | condividere",
    },
    Declining {
        after_regret: false,
        begins: "não posso | não poderei | não consigo | não sou capaz de | não estou em condições de | \
            não me é possível | não tenho permissão para",
        between: Between::Only("te | lhe | o | a"),
        verbs: "ajud | auxiliar | assist | fornecer | respond | atender | cumprir | gerar | criar | escrever | \
            oferecer | completar | realizar | fazer isso | fazer isto | participar | compartilhar | partilhar | \
            dar conselho",
    },
    Declining {
        after_regret: false,
        begins: "я не могу | не могу | я не смогу | я не в состоянии | я не имею возможности | я не буду | \
            я не имею права",
        between: Between::Only("вам | тебе | с этим | вас | в этом"),
        verbs: "помочь | помогать | предостав | ответить | отвечать | выполн | обсуждать | создать | создавать | \
            написать | писать | генерировать | сгенерировать | поддержать | содейств | участвовать | \
            это сделать | этого сделать | этого делать | сделать это | дать совет | давать совет",
    },
    Declining {
        after_regret: false,
        begins: "nie mogę | nie jestem w stanie | nie będę",
        between: Between::Only("ci | panu | pani | w tym | tego"),
        verbs: "pomóc | pomagać | udzieli | odpowiedzieć | spełnić | wykonać | stworzyć | napisać | zrobić | \
            dostarczyć | podać",
    },
    Declining {
        after_regret: false,
        begins: "这个问题我无法 | 该问题我无法 | 这个我无法 | 我无法 | 我不能 | 我没法 | 我没有办法 | 我没办法 | 我無法 | 我沒辦法 | 我不便 | 我不可以",
        between: Between::Characters(12),
        verbs: "提供 | 帮 | 幫 | 协助 | 協助 | 回答 | 满足 | 滿足 | 生成 | 完成 | 处理 | 處理 | 执行 | 執行 | 参与 | 支持 | 讨论 | 討論 | 回应 | 回應 | \
            创作 | 撰写 | 给出 | 答复",
    },
    Declining {
        after_regret: false,
        // Who declines goes without saying in Japanese and Korean, and the verb comes last.
        begins: "",
        between: Between::Characters(80),
        verbs: "お手伝いできません | お手伝いすることはできません | お手伝いすることができません | お答えできません | お答えすることはできません | お答えすることができません | 回答できません | \
            回答することはできません | お答えしかねます | ご提供できません | 対応できません | 対応しかねます | 対応することはできません | お応えできません | お応えすることはできません | \
            お応えしかねます | 応じられません | 応じることはできません | 応じかねます | 支援できません | 協力できません | お断りします | お断りいたします | いたしかねます | \
            控えさせていただきます | 도와드릴 수 없습니다 | 도와 드릴 수 없습니다 | 도움을 드릴 수 없습니다 | 제공할 수 없습니다 | 제공해 드릴 수 없습니다 | \
            답변할 수 없습니다 | 답변드릴 수 없습니다 | 답변해 드릴 수 없습니다 | 응할 수 없습니다",
    },
    Declining {
        after_regret: true,
        begins: "",
        between: Between::Characters(80),
        verbs: "できません | 出来ません | しかねます | 할 수 없습니다 | 드릴 수 없습니다",
    },
];
