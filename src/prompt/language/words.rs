//! Words that tell a language written in Latin letters: its most frequent small words, and those that open a request. A word
//! of several languages stands in the list of each. Words only; `mod.rs` decides what they say.

use super::Language;

/// Languages with their words.
pub(super) const WORDS: &[(Language, &str)] = &[
    (
        Language::English,
        "the of and to in is that it for was with as his on be at by i this had not are but from or have an they which one you \
         were her all she there would their we him been has when who will more no if out so said what up its about into than them \
         can only other new some could time these two may then do first any my now such like our over me even most after also did \
         many must before through back years where much your way well down should because each just those people how too little \
         good very make still own see work long get here between both being under never same another know while last might us since \
         does don't doesn't can't i'm i've it's that's what's won't isn't didn't let's please write explain give tell need want help \
         why which using use add show list find fix best without against whether every anyone something names least family whats four five two three not seems already across",
    ),
    (
        Language::German,
        "der die das und ist in zu den nicht von sie es mit dem ein eine jeder jede gegessen trotzdem jeweils wie spät für auf sich des er im auch als an nach wie man aber aus \
         durch wenn nur war noch werden bei hat wir was wird sind oder um haben einen mir über ihm diese einem ich ihr so zum kann \
         doch vor dieser mich du da zur am schon sein mein meine meinem meinen meiner dass weil ob gibt soll muss habe kein keine \
         bitte schreib schreibe erkläre erklär warum wieso welche welcher welches wann wo wer wieviel viel mehr sehr gut mal nun \
         unter gegen ohne zwischen bis beim vom ihre ihren seine unser unsere euch uns jetzt heute immer wieder alle alles etwas \
         nichts machen mach gib nenne übersetze fasse kannst könnte würde sollte wäre hier dort dann damit denn deine dein einer eines",
    ),
    (
        Language::French,
        "le la les de des du un une et est à en que qui dans pour pas au sur ne se ce il elle sont avec plus par je on mais nous \
         vous ou son sa ses leur leurs tout tous toute même aussi cette ces cet comme être avoir fait faire si y été entre sans très \
         bien peut deux après où donc quand alors mon ma mes ton ta tes notre nos votre vos aux moi toi lui j'ai c'est qu'il d'une \
         d'un n'est l'on qu'on quel quelle quels quelles pourquoi comment combien écris écrire explique donne peux pouvez dois doit \
         faut ai as avons avez ont suis était c' j' d' l' n' s' qu' m' t' jusqu' lorsqu' puisqu' chaque encore ici merci voici rédige traduis \
         résume depuis pendant avant sous chez vers contre non oui quoi rien",
    ),
    (
        Language::Spanish,
        "el la los las de del un una y es en que por con para no se su sus al lo como más pero le ya o este esta estos estas sí \
         porque cuando muy sin sobre también me hasta hay donde quien desde todo todos toda todas nos durante uno les ni contra otros \
         ese eso esa ante ellos e esto mí antes algunos qué unos yo otro otra él tanto mi mis tu tus te ti está están son ser fue era \
         tengo tiene hacer hace puede puedo cómo cuál cuáles cuánto cuántos dónde escribe explica dame haz dime quiero necesito \
         ayuda hola gracias rico entre según cada después ahora así aquí solo sólo nada algo aunque mientras traduce resume siguiente nuestro",
    ),
    (
        Language::Portuguese,
        "o a os as de do da dos das um uma e é em no na nos nas que por para com não se seu sua seus suas ao aos à às como mais mas \
         lhe já ou este esta estes estas isso isto porque quando muito sem sobre também me até há onde quem desde tudo todos toda \
         todas nos durante foi ser são está estão tem tenho ter fazer faz pode posso qual quais quanto quantos escreva escreve \
         explique explica dê diga quero preciso ajuda olá obrigado obrigada entre cada depois agora assim aqui só nada algo embora \
         meu minha meus minhas você vocês eu ele ela eles elas nós pelo pela pelos pelas num numa era lá bem ainda fique traduza \
         resuma seguinte nosso nossa deve céu fim dizer quer pq olá hoje ontem amanhã",
    ),
    (
        Language::Italian,
        "il lo la i gli le di del della dei delle dello degli un uno una e è in nel nella nei nelle che per con non si su sul sulla \
         sui al alla ai alle da dal dalla dai come più ma o se questo questa questi queste anche mi ci ne ho ha hai hanno abbiamo \
         sono sei siamo era essere avere fare fa può posso quale quali quanto quanti quando dove chi cosa perché scrivi spiega dammi \
         dimmi voglio devo aiuto ciao grazie tra fra ogni dopo ora così qui solo niente qualcosa mio mia miei mie tuo tua noi voi \
         loro lui lei io tu molto già ancora senza sempre tutto tutti tutta poi prima mentre l' d' dell' nell' all' dall' sull' un' c' quest' \
         quell' dov' com' cos' nostro nostra vorrei di sa posso somma tutte oggi ieri domani coi traduci riassumi seguente",
    ),
    (
        Language::Dutch,
        "de het een en van is dat op te in voor met niet zijn aan er om ook als bij dan maar zo nog wel naar uit door over ze je we \
         wij ik hij mijn jouw haar hun ons onze die deze dit wat wie waar wanneer waarom hoe welke kan kunnen moet moeten wil willen \
         heb heeft hebben had was waren wordt worden werd geen meer veel al alle alles tot tegen zonder tussen onder na want dus toch \
         hier daar nu altijd eens even mij me hem u uw schrijf leg geef maak vertel help graag bedankt hoeveel iets niets elke \
         ander andere sinds omdat terwijl vertaal vat zou zouden zal heel goed doe doen zonder iedereen alleen geel los hoor weer drie twee één",
    ),
    (
        Language::Polish,
        "i w na z do nie się to jest że a o jak co po za od tak ale dla ma są przez czy już tylko być tym które który która także \
         lub oraz ten ta te tego tej jego jej ich przy bez pod nad przed między jeśli gdy kiedy gdzie dlaczego kto ile jaki jaka jakie \
         może mogę można mam masz mi mnie ci cię go ją nas nam was wam sobie swój swoje mój moja moje napisz wyjaśnij podaj zrób daj \
         proszę dziękuję chcę trzeba bardzo więc też jeszcze teraz tutaj tu tam zawsze nic coś każdy wszystko wszystkie potem \
         mają mnie skąd jutro rano chyba dziś wczoraj ile po bo żeby aby we ze przetłumacz streść był była było będzie",
    ),
    (
        Language::Turkish,
        "ve bir bu da de için ile ne mi mı mu mü çok daha gibi olarak var yok en ben sen o biz siz onlar benim senin onun bizim ama \
         veya ya ki her şey nasıl neden niçin niye nerede hangi kaç kim ne zaman kadar sonra önce şimdi olan olur oldu değil şu ise \
         bana sana ona bunu şunu onu diye göre üzerinde arasında yaz açıkla ver söyle yap lütfen teşekkürler istiyorum misin mısın \
         musun müsün nedir olsun hem hiç bütün tüm iki üç içinde bunun beni seni bende tek yeni iyi aynı çevir özetle etmek eden \
         edilen gerekiyor lazım mıyım miyim olsa ilk sade yarın dün beri başka önceki bugün evde",
    ),
    (
        Language::Swedish,
        "och att det i en jag är som på för med av inte den till han har ett om var men de så vi kan när från vad hur ska du eller \
         mig sig hon min mina mitt din din ditt varför vilken vilket vilka man finns skriv förklara ge hjälp tack mycket bara också \
         där här nu alla utan mellan efter under över ut upp in någon något några detta dessa vill måste skulle kunde blir blev",
    ),
    (
        Language::Danish,
        "og at det i en jeg er som på for med af ikke den til han har et om var men de så vi kan når fra hvad hvordan skal du eller \
         mig sig hun min mine mit din dit hvorfor hvilken hvilket hvilke man findes skriv forklar giv hjælp tak meget bare også der her \
         nu alle uden mellem efter under over ud op ind nogen noget nogle dette disse vil må skulle kunne bliver blev",
    ),
    (
        Language::Norwegian,
        "og at det i en jeg er som på for med av ikke den til han har et om var men de så vi kan når fra hva hvordan skal du eller \
         meg seg hun min mine mitt din ditt hvorfor hvilken hvilket hvilke man finnes skriv forklar gi hjelp takk mye bare også der her \
         nå alle uten mellom etter under over ut opp inn noen noe dette disse vil må skulle kunne blir ble",
    ),
    (
        Language::Finnish,
        "ja on ei se että en ole oli mutta kun niin kuin myös tai jos hän minä sinä me te he mitä mikä miten miksi missä milloin kuka \
         voi voin voit olen olet ovat tämä tuo nämä joka jotka sen sitä tässä siinä minun sinun kirjoita selitä anna kerro kiitos \
         nyt vain hyvin paljon ennen jälkeen kanssa ilman koska vai sekä kaikki mukaan pitäisi",
    ),
    (
        Language::Czech,
        "a v na se je že to s z do o jako i pro ale za by jsem jsi jsme jste jsou byl byla bylo ne co jak kde kdy kdo proč který \
         která které tak už jen po od při nebo ve ze k ke podle mezi bez pod nad před když aby protože může můžu mám máš mi mě ho ji \
         jeho její jejich můj moje tento tato toto ten ta napiš vysvětli dej prosím děkuji velmi také ještě teď tady všechno každý nic něco",
    ),
    (
        Language::Romanian,
        "și în de la a cu pe nu este un o din care pentru că mai ce sunt sau se să am ai au fost dar după cum când unde cine cât \
         cele cel cea lui lor ei el eu tu noi voi mi te ne vă îmi îți acest această acestui prin fără între până fie foarte doar scrie \
         explică dă vreau mulțumesc trebuie poate pot dintre spre despre nimic ceva fiecare toate tot toți meu mea este",
    ),
    (
        Language::Hungarian,
        "a az és hogy nem is egy van ez de meg csak már mint vagy ha volt el fel ki be le én te ő mi ti ők mit mi hogyan miért hol \
         mikor ki melyik mennyi kell lehet lesz írj írd magyarázd adj kérlek köszönöm nagyon még most itt ott minden semmi valami \
         után előtt között nélkül szerint alatt mert azt ezt ennek annak aki ami amely azért akkor úgy így legyen szeretnék",
    ),
    (
        Language::Vietnamese,
        "và là của có không một cho được các trong tôi bạn này với những người để khi đã ở làm như thế nào tại sao gì về từ đến \
         rằng thì mà nếu hay hoặc cũng chỉ rất nhiều hãy viết giải thích giúp cần muốn đang sẽ phải theo trên dưới sau trước em anh",
    ),
    (
        Language::Indonesian,
        "yang dan di dari untuk dengan ini itu tidak ke pada adalah saya kamu anda kami kita mereka dia akan bisa dapat ada juga \
         atau karena jika apa bagaimana mengapa kenapa dimana kapan siapa berapa tolong buat buatkan tulis tuliskan jelaskan berikan \
         sudah belum lebih sangat hanya seperti dalam oleh agar supaya setiap semua satu dua terima kasih menjadi saat tentang",
    ),
];
