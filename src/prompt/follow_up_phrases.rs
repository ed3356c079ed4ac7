//! What people answer when they only confirm, continue, pick or try again, per language. Closed lists: a turn is a follow-up only
//! if it is made of these and nothing else. A phrase that asks for something new ("shorter", "why") does not belong here.

/// One language's phrases, separated by commas, in lower case; accents do not matter.
pub(super) struct Phrases {
    /// Any of these makes a turn a follow-up.
    pub(super) steps: &'static str,
    /// May stand beside them; alone they are thanks or praise.
    pub(super) polite: &'static str,
}

/// Said in every language.
pub(super) const EVERYWHERE: &str = "ok, okay, okey, oki, okej, oke, k, kk, commit, push, merge, go, next, lgtm";

/// Words of thanks; they end a conversation if nothing but the next list stands beside them: "ok thanks".
pub(super) const THANKS: &str = "thanks, thank, thx, ty, danke, merci, gracias, grazie, obrigado, obrigada, bedankt, dank, dzieki, dziekuje, \
     спасибо, hvala, tesekkurler, tesekkur, 谢谢, 謝謝, ありがとう, 고마워, 고마워요, 고맙습니다, 감사합니다, شكرا, धन्यवाद, शुक्रिया";

/// What people say with their thanks.
pub(super) const BESIDE_THANKS: &str = "ok, okay, okey, oki, okej, oke, k, kk, alright, all right, again, once again, no, nope, nein, nee, \
     non, não, nie, нет, хорошо, ладно, hayır, tamam, 好, 好的, 不, 不用, はい, いいえ, 네, 아니요, تمام, لا, ठीक है, नहीं";

/// May stand before a number or a letter: "option 2".
pub(super) const BEFORE_A_CHOICE: &str = "option, opt, number, no, nr, num, choice, variant, variante, opcion, opcao, opzione, nummer, \
     numero, choix, optie, keuze, wariant, opcja, numer, вариант, номер, пункт, secenek, numara, 选项, 方案, 選項, 案, 옵션, الخيار, رقم, विकल्प, नंबर";

/// Numbers in words, only after one of the above.
pub(super) const NUMBERS: &str = "one, two, three, four, five, eins, zwei, drei, vier, un, deux, trois, uno, dos, tres, due, tre, um, \
     dois, een, twee, drie, jeden, dwa, trzy, один, два, три, bir, iki, uc, 一, 二, 三, 四, एक, दो, तीन";

/// Between two numbers.
pub(super) const BETWEEN_CHOICES: &str = "and, und, et, y, e, en, i, и, ve, 和, と, و, और";

/// English, German, French, Spanish, Italian, Portuguese, Dutch, Polish, Russian (and other Slavic in Latin letters), Turkish,
/// Chinese, Japanese, Korean, Arabic, Hindi.
pub(super) const LANGUAGES: &[Phrases] = &[
    Phrases {
        steps: "yes, yeah, yep, yup, yea, ya, aye, sure, sure thing, of course, certainly, absolutely, definitely, exactly, correct, right, \
            thats right, that is right, thats correct, true, agreed, i agree, alright, all right, fine, fine by me, sounds good, looks good, \
            looks good to me, that works, works for me, that is fine, thats fine, go on, go ahead, go for it, go with that, go with it, carry on, \
            continue, keep going, keep on, proceed, resume, next one, next step, the next one, more, some more, one more, another, another one, \
            again, once more, one more time, once again, try again, try it again, try once more, try that again, retry, redo, redo it, do it again, \
            repeat, repeat that, do it, do that, do this, do so, do both, do all, do them all, do all of them, just do it, lets do it, lets do that, \
            lets go, lets go with that, make it so, please do, commit it, commit that, commit this, commit them, commit and push, push it, merge it, \
            ship it, deploy, deploy it, run it, run that, run them, apply, apply it, apply that, apply them, apply the fix, apply the changes, \
            save it, send it, publish it, implement it, implement that, build it, execute it, start, start now, begin, finish it, finish, \
            complete it, undo, undo it, undo that, revert, revert it, revert that, skip, skip it, skip that, the first, the first one, first, \
            first one, the second, the second one, second, second one, the third, the third one, third, third one, the fourth, the fourth one, \
            the last, the last one, last one, the latter, the former, both, both of them, all, all of them, either, either one, neither, none, \
            none of them, this one, that one, the top one, the bottom one, no, nope, nah, not yet, not now, i think so, i dont think so, \
            i do, i dont, it does, it doesnt, it is, it isnt, i dont know, no idea, not sure, whatever, up to you, you decide, your choice, \
            as you like, any of them, what you said, as you said, as suggested, as you suggested",
        polite: "please, pls, plz, thanks, thank you, thx, ty, great, perfect, good, nice, cool, awesome, excellent, well, then, now, just, and, \
            so, but, ill take, i take, i choose, i pick, id pick, id say, take, use, pick, choose, i want, i would like, id like, lets, with, go with",
    },
    Phrases {
        steps: "ja, jep, jo, jawohl, jup, klar, na klar, sicher, natürlich, gerne, gern, genau, stimmt, richtig, passt, passt so, einverstanden, \
            in ordnung, alles klar, mach, mach das, mach es, mach mal, mach so, mach weiter, mach beides, machs, weiter, weiter so, weiter gehts, \
            nur weiter, weitermachen, fahr fort, fahre fort, fahren sie fort, fortfahren, fortsetzen, los, los gehts, leg los, nächste, nächster, \
            nächstes, das nächste, der nächste, die nächste, nochmal, noch mal, noch einmal, nochmals, versuch es nochmal, versuchs nochmal, \
            versuch es noch einmal, versuche es erneut, probier es nochmal, erneut, wiederholen, wiederhole das, beides, beide, alle, alles, das erste, \
            die erste, der erste, erste, erstes, ersteres, das zweite, die zweite, der zweite, zweite, zweites, das dritte, die dritte, der dritte, \
            dritte, drittes, das letzte, die letzte, der letzte, letzteres, nein, nee, nö, noch nicht, jetzt nicht, tu das, tu es, tun sie das, \
            machen sie das, so machen wir es, machen wir so, machen wir, committe es, commit es, push es, übernimm es, übernehmen, anwenden, \
            ausführen, führ es aus, umsetzen, setz es um, speichern, speicher es, mehr, noch eins, noch eine, noch einer, noch einen, egal, \
            weiß nicht, weiss nicht, keine ahnung, keins, keine, keines, wie du willst, entscheide du, wie vorgeschlagen",
        polite: "bitte, danke, super, toll, gut, prima, perfekt, sehr gut, dann, doch, mal, jetzt, einfach, und, also, so, nimm, ich nehme, ich will, \
            ich möchte",
    },
    Phrases {
        steps: "oui, ouais, ouaip, si, bien sûr, d'accord, entendu, exactement, exact, c'est ça, c'est bon, tout à fait, ça marche, ça me va, vas y, \
            allez y, allez, allons y, on y va, continue, continuez, continuer, poursuis, poursuivez, la suite, suite, suivant, suivante, le suivant, \
            la suivante, encore, encore une fois, encore un, encore une, réessaie, réessayez, essaie encore, essaie à nouveau, recommence, \
            recommencez, à nouveau, fais le, faites le, fais ça, fais cela, faites cela, faites ça, fais les deux, le premier, la première, premier, \
            première, le deuxième, la deuxième, deuxième, le second, la seconde, le troisième, la troisième, troisième, le dernier, la dernière, \
            les deux, tous, toutes, tout, aucun, aucune, non, pas encore, pas maintenant, peu importe, comme tu veux, comme vous voulez, je ne sais pas, \
            aucune idée, à toi de voir, commite, commit le, pousse, pousse le, applique, applique le, applique ça, lance, lance le, exécute le, \
            enregistre, celui ci, celui là, celle ci, celle là, plus, un autre, une autre",
        polite: "s'il te plaît, s'il vous plaît, svp, stp, merci, parfait, super, génial, très bien, bien, bon, alors, donc, et, je prends, je choisis, \
            je veux, prends",
    },
    Phrases {
        steps: "sí, claro, claro que sí, por supuesto, vale, de acuerdo, exacto, exactamente, correcto, así es, eso es, eso, está bien, me parece bien, \
            adelante, sigue, siga, seguir, continúa, continúe, continuar, prosigue, hazlo, hágalo, haz eso, haz las dos, hagámoslo, dale, venga, vamos, \
            siguiente, el siguiente, la siguiente, otra vez, de nuevo, una vez más, inténtalo de nuevo, inténtalo otra vez, intenta de nuevo, prueba otra vez, \
            reintenta, repite, repítelo, el primero, la primera, primero, primera, el segundo, la segunda, segundo, segunda, el tercero, la tercera, \
            el último, la última, ambos, ambas, los dos, las dos, todos, todas, todo, ninguno, ninguna, no, todavía no, aún no, ahora no, da igual, \
            no sé, ni idea, tú decides, como quieras, más, uno más, una más, otro, otra, aplícalo, ejecútalo, guárdalo, súbelo, haz el commit, haz commit, \
            este, esta, ese, esa",
        polite: "por favor, gracias, perfecto, genial, muy bien, bien, bueno, entonces, y, pues, quiero, elijo, me quedo con",
    },
    Phrases {
        steps: "sì, certo, certamente, ovvio, va bene, d'accordo, esatto, esattamente, giusto, corretto, vai, vai avanti, avanti, vai pure, continua, \
            continui, continuare, prosegui, procedi, proceda, fallo, lo faccia, fai pure, fai così, facciamolo, andiamo, prossimo, il prossimo, la prossima, \
            ancora, ancora una volta, di nuovo, riprova, prova di nuovo, prova ancora, ripeti, il primo, la prima, primo, prima, il secondo, la seconda, \
            secondo, seconda, il terzo, la terza, l'ultimo, l'ultima, entrambi, entrambe, tutti, tutte, tutto, tutti e due, nessuno, nessuna, no, \
            non ancora, non ora, non so, non lo so, decidi tu, come vuoi, applicalo, eseguilo, salvalo, un altro, un'altra, altro, ancora uno, questo, quello",
        polite: "per favore, per piacere, grazie, perfetto, ottimo, bene, benissimo, allora, e, scelgo, prendo, voglio",
    },
    Phrases {
        steps: "sim, claro, com certeza, certo, tá bom, está bem, tudo bem, de acordo, combinado, exato, exatamente, correto, isso, isso mesmo, pode ser, \
            pode, pode fazer, pode continuar, continua, continue, continuar, segue, siga, prossiga, prossegue, vai, vá em frente, vai em frente, em frente, \
            faz isso, faça isso, faz, faça, vamos, vamos lá, bora, próximo, o próximo, a próxima, de novo, outra vez, mais uma vez, tenta de novo, \
            tente de novo, tente novamente, tenta outra vez, novamente, repete, repita, o primeiro, a primeira, primeiro, primeira, o segundo, a segunda, segundo, \
            segunda, o terceiro, a terceira, o último, a última, ambos, ambas, os dois, as duas, todos, todas, tudo, nenhum, nenhuma, não, ainda não, \
            agora não, não sei, tanto faz, você decide, como quiser, mais, mais um, mais uma, outro, outra, aplica, aplique, executa, execute, salva, salve, \
            este, esse",
        polite: "por favor, obrigado, obrigada, perfeito, ótimo, bom, muito bem, então, e, quero, escolho, fico com",
    },
    Phrases {
        steps: "ja, jep, jazeker, zeker, natuurlijk, klopt, precies, inderdaad, juist, akkoord, is goed, dat is goed, doe maar, doe dat, doe het, \
            doe dat maar, ga door, ga verder, ga maar, ga maar door, ga je gang, verder, doorgaan, vervolg, volgende, de volgende, nog een keer, nog eens, \
            opnieuw, probeer opnieuw, probeer het opnieuw, probeer het nog eens, probeer het nog een keer, herhaal, herhaal dat, de eerste, eerste, \
            de tweede, tweede, de derde, derde, de laatste, laatste, allebei, beide, alle, alles, allemaal, geen van beide, nee, neen, nog niet, nu niet, \
            weet ik niet, geen idee, maakt niet uit, jij mag kiezen, meer, nog een, commit het, voer het uit, uitvoeren, toepassen, pas het toe, opslaan, \
            laten we dat doen",
        polite: "alsjeblieft, alstublieft, graag, dank je, bedankt, top, mooi, prima, goed, dan, en, maar, perfect, ik kies, ik wil, neem",
    },
    Phrases {
        steps: "tak, no, no tak, jasne, pewnie, oczywiście, dobrze, dobra, zgoda, zgadza się, dokładnie, racja, w porządku, może być, dalej, kontynuuj, \
            idź dalej, leć, lecimy, działaj, zrób to, zrób tak, rób, dawaj, następny, następna, następne, jeszcze raz, ponownie, spróbuj ponownie, \
            spróbuj jeszcze raz, powtórz, pierwszy, pierwsza, pierwsze, ten pierwszy, ta pierwsza, drugi, druga, drugie, ten drugi, ta druga, to drugie, \
            trzeci, trzecia, trzecie, ostatni, ostatnia, ostatnie, oba, obie, oboje, wszystkie, wszystko, żaden, żadna, żadne, nie, jeszcze nie, \
            nie teraz, nie wiem, nie mam pojęcia, obojętnie, wszystko jedno, ty zdecyduj, więcej, jeszcze jeden, jeszcze jedna, jeszcze jedno, zastosuj, \
            uruchom, uruchom to, zapisz, wykonaj, zatwierdź, wyślij",
        polite: "proszę, dzięki, dziękuję, super, świetnie, to, i, więc, a, wybieram, biorę, poproszę",
    },
    Phrases {
        steps: "да, ага, угу, конечно, разумеется, хорошо, ладно, окей, ок, верно, точно, правильно, согласен, согласна, так, именно, подходит, продолжай, \
            продолжайте, продолжи, дальше, далее, давай, давайте, давай дальше, поехали, вперёд, действуй, делай, делай так, сделай, сделай это, сделай так, \
            следующий, следующая, следующее, ещё раз, снова, попробуй ещё раз, попробуй снова, попробуйте снова, попробуйте ещё раз, повтори, повторите, \
            первый, первая, первое, первый вариант, второй, вторая, второе, второй вариант, третий, третья, третье, третий вариант, последний, последняя, \
            последнее, последний вариант, оба, обе, все, все варианты, ни один, никакой, нет, ещё нет, пока нет, не сейчас, не знаю, без разницы, всё равно, \
            решай сам, решай сама, ещё, ещё один, ещё одну, ещё одно, закоммить, закоммить это, коммить, запушь, примени, запусти, запускай, сохрани, \
            выполни, выполняй, da, daj, dalje, nastavi, može, hajde",
        polite: "пожалуйста, спасибо, отлично, супер, ну, и, тогда, это, а, выбираю, беру, хочу, molim, hvala",
    },
    Phrases {
        steps: "evet, tabii, tabi, tabii ki, elbette, kesinlikle, tamam, olur, peki, doğru, aynen, aynen öyle, devam, devam et, devam edin, devam edelim, \
            sürdür, yap, bunu yap, onu yap, öyle yap, yapalım, hadi, haydi, hadi yapalım, başla, sıradaki, sonraki, bir sonraki, tekrar, tekrar dene, \
            yeniden dene, bir daha, bir daha dene, tekrarla, birinci, birincisi, ilk, ilki, ikinci, ikincisi, üçüncü, üçüncüsü, sonuncu, sonuncusu, \
            ikisi de, her ikisi de, her ikisi, hepsi, hiçbiri, hayır, yok, henüz değil, şimdi değil, bilmiyorum, fark etmez, sen karar ver, bir tane daha, \
            uygula, çalıştır, kaydet, gönder",
        polite: "lütfen, teşekkürler, teşekkür ederim, sağ ol, süper, harika, güzel, o zaman, ve, seçiyorum",
    },
    Phrases {
        steps: "是, 是的, 对, 对的, 好, 好的, 好啊, 行, 行的, 可以, 可以的, 没问题, 当然, 嗯, 嗯嗯, 没错, 同意, 确认, 确定, 继续, 接着, 接着说, 接着写, 接着做, 往下, 往下说, \
            下一个, 下一步, 下一条, 再来, 再来一次, 再试一次, 重试, 再试试, 重来, 再来一个, 再一次, 做吧, 就这样, 就这样做, 就这么做, 就这么办, 按这个来, 按你说的做, 照做, 执行, \
            提交, 推送, 应用, 保存, 开始, 第一个, 第二个, 第三个, 第四个, 最后一个, 第一种, 第二种, 第三种, 前者, 后者, 两个都要, 都要, 都可以, 全部, 全都要, 都不要, 不, \
            不是, 不要, 不用, 不行, 还没有, 还没, 不知道, 随便, 你决定, 更多, 這個, 这个, 那个, 對, 對的, 繼續, 沒問題, 當然, 確認, 確定, 開始, 執行, 第一個, 第二個, 第三個, \
            下一個, 再試一次, 兩個都要, 沒錯, 還沒, 隨便, 你決定",
        polite: "请, 請, 谢谢, 謝謝, 吧, 麻烦, 麻煩, 那, 那就, 我选, 我選, 选, 選, 很好, 太好了",
    },
    Phrases {
        steps: "はい, ええ, うん, そう, そうです, そうですね, 了解, 了解です, わかりました, 分かりました, いいです, いいよ, いいですね, 大丈夫, 大丈夫です, オッケー, オーケー, \
            もちろん, もちろんです, その通り, その通りです, 続けて, つづけて, 続き, 続きを, 進めて, どうぞ, やって, それで, それでいい, それでいいです, それをやって, そうして, \
            次, 次へ, 次を, もう一度, もう一回, 再試行, やり直して, 一つ目, 二つ目, 三つ目, 一番目, 二番目, 三番目, 最初の, 最後の, 前者, 後者, 両方, 全部, すべて, どちらでも, \
            どれでもない, いいえ, いや, まだ, まだです, わかりません, 分かりません, 任せます, お任せします, おまかせします, コミットして, 実行して, 適用して, 保存して, 始めて",
        polite: "お願いします, おねがいします, お願い, ください, 下さい, ありがとう, ありがとうございます, では, じゃあ, で, ね, よ, を, です, つ目, 番目, 番",
    },
    Phrases {
        steps: "네, 예, 응, 넵, 넹, 그래, 그래요, 좋아, 좋아요, 좋습니다, 알겠어, 알겠어요, 알겠습니다, 오케이, 맞아, 맞아요, 맞습니다, 물론, 물론이죠, 당연하죠, 계속, \
            계속해, 계속해줘, 계속 해줘, 계속해 줘, 계속해주세요, 계속해 주세요, 계속하세요, 이어서, 이어서 해줘, 진행해, 진행해줘, 진행해 줘, 진행해주세요, 진행해 주세요, \
            진행하세요, 해줘, 해 줘, 해주세요, 해 주세요, 그렇게 해, 그렇게 해줘, 그렇게 해 줘, 그렇게 해주세요, 그렇게 해 주세요, 그걸로, 그걸로 해줘, 그걸로 할게, 다음, \
            다음 거, 다음 단계, 다시, 다시 해줘, 다시 해 줘, 다시 시도, 다시 시도해줘, 다시 시도해 줘, 다시 시도해 주세요, 한번 더, 한 번 더, 첫번째, 첫 번째, 두번째, 두 번째, \
            세번째, 세 번째, 마지막, 첫 번째 거, 두 번째 거, 세 번째 거, 둘 다, 전부, 모두, 아니, 아니요, 아니오, 아직, 아직요, 몰라, 모르겠어, 모르겠어요, 상관없어, 커밋해, \
            커밋해줘, 커밋해 줘, 실행해, 실행해줘, 실행해 줘, 적용해, 적용해줘, 저장해줘, 하나 더",
        polite: "부탁해, 부탁해요, 부탁합니다, 부탁드립니다, 고마워, 고마워요, 고맙습니다, 감사합니다, 그럼, 제발, 좀",
    },
    Phrases {
        steps: "نعم, أجل, أيوه, ايوة, طبعا, بالطبع, بالتأكيد, أكيد, حسنا, تمام, موافق, أوافق, صحيح, بالضبط, أوكي, أكمل, استمر, استمري, تابع, واصل, كمل, \
            تفضل, افعل ذلك, افعلها, نفذ, نفذ ذلك, نفذها, هيا, ابدأ, التالي, مرة أخرى, مرة ثانية, أعد المحاولة, حاول مرة أخرى, حاول مجددا, مجددا, كرر, \
            الأول, الأولى, الثاني, الثانية, الثالث, الثالثة, الأخير, الأخيرة, كلاهما, كلها, الكل, جميعها, لا, ليس بعد, ليس الآن, لا أعرف, لا أدري, لا يهم, \
            أنت قرر, المزيد, واحد آخر, واحدة أخرى, احفظ, احفظها",
        polite: "من فضلك, لو سمحت, رجاء, شكرا, ممتاز, رائع, إذن, و",
    },
    Phrases {
        steps: "हाँ, हां, जी, जी हाँ, जी हां, हाँ जी, ठीक, ठीक है, अच्छा, सही, सही है, बिल्कुल, ज़रूर, बेशक, सहमत, जारी रखो, जारी रखें, जारी रखिए, आगे, आगे बढ़ो, \
            आगे बढ़ें, आगे बढ़िए, चलो, चलिए, करो, कर दो, करें, कीजिए, यह करो, ये करो, वही करो, ऐसा करो, ऐसा ही करो, अगला, अगली, फिर से, दोबारा, फिर से कोशिश करो, \
            दोबारा कोशिश करो, एक बार फिर, एक बार और, दोहराओ, पहला, पहली, पहला वाला, पहली वाली, दूसरा, दूसरी, दूसरा वाला, दूसरी वाली, तीसरा, तीसरी, तीसरा वाला, \
            आखिरी, आखिरी वाला, दोनों, सब, सभी, कोई नहीं, नहीं, ना, अभी नहीं, पता नहीं, मुझे नहीं पता, एक और, कमिट करो, सेव करो, चलाओ, लागू करो, haan, han, \
            haan ji, ji, theek hai, thik hai, aage badho, jari rakho, phir se",
        polite: "कृपया, प्लीज़, धन्यवाद, शुक्रिया, तो, please",
    },
];
