"""English sentence grammars of the pages that are not mathematics: news, recipes, sport, shops, code, travel, poems, ..."""

# ruff: noqa: E501 (tables of sentences)
from __future__ import annotations

from pipeline.world.web.grammar import Grammar, lines, words

WORDS = {
    "first": words(
        "Anna|Ben|Carla|David|Elena|Frank|Grace|Henry|Iris|Jonas|Karin|Leo|Maria|Nils|Olga|Paul|Rosa|Samir"
        "|Tara|Victor|Wendy|Yusuf|Zoe|Amir|Bella|Cyril|Dora|Emil|Fatima|Gustav|Hanna|Ivan|Julia|Kofi|Lucia"
    ),
    "last": words(
        "Archer|Bishop|Carver|Dalton|Ellis|Foster|Garner|Hobbs|Ingram|Jarvis|Keller|Lawson|Mercer|Norton"
        "|Osborne|Palmer|Quinn|Ramsey|Sawyer|Turner|Underhill|Vance|Weaver|York|Bauer|Costa|Dubois|Eriksen"
    ),
    "town": words(
        "Ashford|Brindle|Coldwater|Dunmore|Eastvale|Fairhaven|Glenrock|Harrowgate|Inverlea|Juniper Bay|Kingsmere"
        "|Larkfield|Millbrook|Northwick|Oakhurst|Pinecrest|Quarry Hill|Riverton|Stonebridge|Thornbury|Westlake"
    ),
    "adj": words(
        "old|new|quiet|busy|bright|narrow|wooden|famous|simple|heavy|warm|cold|green|modern|local|small|large"
        "|friendly|empty|crowded|broken|cheap|fresh|strange|gentle|early|late|steep|hidden|popular"
    ),
    "a_adj": words(
        "an old|a new|a quiet|a busy|a bright|a narrow|a wooden|a famous|a simple|a heavy|a warm|a cold|a green"
        "|a modern|a local|a small|a large|an empty|a crowded|a broken|an early|a steep|a hidden|a popular"
    ),
    "noun": words(
        "bridge|library|market|garden|station|museum|river|school|bakery|harbour|theatre|road|park|hotel|factory"
        "|office|street|church|stadium|hospital|square|farm|forest|island|village|tower|kitchen|workshop|lake|hall"
    ),
    "people": words(
        "residents|visitors|farmers|teachers|drivers|students|officials|neighbours|families|shopkeepers|nurses"
        "|engineers|musicians|volunteers|tourists|fishermen|builders|reporters|parents|gardeners"
    ),
    "thing": words(
        "lamp|chair|kettle|jacket|backpack|notebook|blanket|bicycle|camera|radio|clock|umbrella|mirror|helmet"
        "|speaker|keyboard|printer|tent|guitar|vase|carpet|toaster|drill|ladder|suitcase|scarf|pan|desk"
    ),
    "food": words(
        "tomatoes|onions|carrots|potatoes|mushrooms|peppers|beans|lentils|apples|pears|lemons|almonds|walnuts"
        "|spinach|cabbage|noodles|rice|chicken|salmon|cheese|butter|cream|yoghurt|honey|garlic|ginger|basil|olives"
    ),
    "dish": words(
        "soup|stew|salad|pie|curry|pasta|cake|bread|omelette|pancakes|risotto|casserole|pudding|biscuits|dumplings"
    ),
    "verb_past": words(
        "opened|closed|visited|repaired|painted|reached|crossed|praised|bought|sold|photographed|rebuilt"
        "|described|renovated|protected|measured|cleaned|discovered|abandoned|remembered"
    ),
    "day": words("Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"),
    "month": words(
        "January|February|March|April|May|June|July|August|September|October|November|December"
    ),
    "weather": words("rain|snow|fog|wind|sunshine|frost|drizzle|thunder|heat|hail"),
    "team": words(
        "Rovers|Falcons|Tigers|United|Wanderers|Harriers|Mariners|Comets|Lions|Rangers|Eagles|Dynamos|Foxes|Sharks"
    ),
    "colour": words("red|blue|green|yellow|black|white|grey|brown|orange|purple|silver|cream"),
    "adverb": words(
        "slowly|quickly|quietly|suddenly|carefully|finally|often|rarely|usually|almost always|gladly|together"
    ),
    "feeling": words(
        "happy|tired|curious|proud|worried|grateful|surprised|calm|lonely|hopeful|nervous|relieved"
    ),
    "animal": words(
        "dog|cat|horse|heron|fox|owl|sheep|goat|hare|deer|otter|crow|swallow|bee|trout|hedgehog"
    ),
    "job": words(
        "teacher|nurse|baker|carpenter|pilot|lawyer|editor|chef|mechanic|designer|librarian|plumber|surveyor"
    ),
    "lang": words("Python|Java|Rust|Go|Ruby|Kotlin|Swift|Perl|Scala"),
    "ident": words(
        "count|total|index|buffer|result|offset|size|value|limit|node|queue|width|height|retries|delta|score"
    ),
    "money": words("<1-99>.<10-99>|<1-9>.99|<10-89>.50|<3-40>.00|<1-4>,<100-999>.00"),
    "clock": words("<7-11>:<10-59>|<1-6>:<10-59> pm|<8-11>.30|noon"),
    "date": words(
        "<1-28> <month> <2009-2023>|<month> <1-28>, <2009-2023>|<2009-2023>-<10-12>-<10-28>|<1-12>/<1-28>/<2009-2023>"
    ),
    "name": words("<first> <last>"),
    "place": words("the <adj> <noun>|the <noun> in <town>|the <adj> <noun> near <town>|<town>"),
}

TOPICS = {
    "news": lines("""
        <Place> was closed on <day> after heavy <weather>.
        About <20-900> <people> gathered in front of <place> on <date>.
        <name>, a <job> from <town>, said the plan was too expensive.
        The council of <town> will spend <2-60> million on the <adj> <noun>.
        "We have waited <2-30> years for this," said <name>.
        Traffic between <town> and <town> rose by <2-40> percent last year.
        The <noun> was <verb_past> in <1890-2015> and <verb_past> again in <2016-2023>.
        Police asked <people> to stay away from <place> until <clock>.
        A spokesperson for the <people> called the decision <adj> and unfair.
        The vote ended <10-60> to <3-9>, with <1-8> members absent.
        <People> in <town> are <feeling> about the <adj> <noun>.
        Work on the <noun> begins in <month> and should take <3-30> months.
        The company employs <40-900> people in <town> and plans to hire <5-90> more.
        Shares fell <1-9>.<1-9> percent to <money> on <day>.
        According to <name>, the cost rose from <money> to <money> million.
        Nobody was hurt, but <3-60> houses lost power for <2-40> hours.
        The <adj> <noun> was <verb_past> by <people> from <town>.
        <First> <last> won the prize for a book about the <adj> <noun>."""),
    "recipe": lines("""
        Chop <2-6> <food> and put them in a large pan with <food>.
        Heat the oven to <150-230> degrees and butter a dish.
        Add <50-500> g of <food> and stir <adverb>.
        Cook for <3-45> minutes, then add the <food>.
        Serves <2-8>. Preparation: <5-50> minutes. Cooking: <10-90> minutes.
        Mix 1/2 cup of <food> with 2 + 1/2 spoons of <food>.
        This <dish> comes from <town>, where <people> eat it on <day>.
        If the <dish> is too thick, pour in <20-200> ml of water.
        My grandmother always made <dish> with <food> and a little <food>.
        Cover the <dish> and let it rest until it is <adj>.
        Slice the <food> thinly and scatter them over the <dish>.
        Season with salt, pepper and <food>; taste it and add more <food>.
        One portion has <180-780> kcal, <3-40> g of fat and <2-60> g of protein.
        For twice as many people double everything: 2 times <50-300> g of <food>.
        Divide the dough into <2-12> equal parts and roll them out.
        You can replace the <food> by <food> without any trouble.
        Keep the <dish> in the fridge for up to <2-6> days."""),
    "sport": lines("""
        <town> <team> beat <town> <team> <1-6> - <0-3> on <day>.
        <name> scored in the <2-45>th minute and again after the break.
        The <team> are now in place <2-18> with <10-80> points from <8-38> games.
        It was the <adj> start that decided the match, said coach <name>.
        Final score: <team> <70-120>, <team> <60-110>.
        The first set went <6-7>-<0-5>, the second <6-7>-<2-4>.
        <First> <last> ran the <2-10> km in <10-55>:<10-59>.
        <People> waited at <place> for the bus of the <team>.
        After <3-30> games without a win the <adj> season is over.
        The <team> lost <1-3> of their last <4-9> matches.
        A penalty by <name> made it <1-3>:<1-3> before half time.
        Attendance: <1-60>,<100-999>. Referee: <name>.
        <name> signed for the <team> until <2024-2028>.
        The record of <200-700> points from <1975-2010> still stands."""),
    "shop": lines("""
        This <adj> <thing> is made of <colour> wood and steel.
        The <thing> costs <money>, delivery included.
        Buy <2-5> for <money> and save <5-60> percent until <date>.
        Available in <colour>, <colour> and <colour>.
        Size: <10-200> x <10-200> x <5-90> cm, weight <1-30>.<1-9> kg.
        Item no. <1000-9999>-<10-99>; <1-90> pieces in stock.
        Rated <1-4>.<1-9> out of 5 by <3-900> customers.
        "The <thing> arrived on <day> and I am <feeling>," writes <name>.
        Old price <money>, new price <money>: you save <money>.
        3 x <money> + shipping <money> = <money> in total.
        Return the <thing> within <14-60> days if you do not like it.
        Our <thing> is perfect for <a_adj> <noun>.
        Order before <clock> and it ships the same day.
        The battery of the <thing> lasts <4-72> hours.
        Use the code SAVE<5-50> at the checkout."""),
    "code": lines("""
        The function returns None when the <ident> is empty.
        In <lang> you have to close the <ident> before you read it again.
        I get error <100-599> on line <2-400> when the <ident> is negative.
        Version <1-9>.<0-20>.<0-9> fixed the bug in the <ident> loop.
        Set <ident> = <ident> + <1-9> at the end of every pass.
        The test fails because <ident> != <ident> after <2-90> calls.
        A <lang> program needs <10-900> MB of memory for <1-90> million rows.
        You should rename the variable <ident>; it hides the <ident> of the parent class.
        The build takes <2-40> minutes on a machine with <2-64> cores.
        Use a loop from 0 to <ident> - 1 and skip every <ident> that is null.
        The old API is deprecated since <month> <2012-2023>.
        We moved the <ident> into a thread of its own and it became <2-30> times faster.
        Try to print the <ident> before and after the call.
        Issue #<100-9999> was closed by <name> on <date>.
        Port <1024-9999> is already used by another process."""),
    "travel": lines("""
        We reached <town> on <a_adj> <day> in <month>.
        The train from <town> to <town> takes <1-9> hours and costs <money>.
        From <place> you can see the <adj> <noun> and the <noun>.
        Our room had <a_adj> view and a <colour> door.
        Do not miss <place>, which opens at <clock>.
        The ferry leaves every <10-90> minutes from <place>.
        The path is <3-30> km long and climbs <100-900> metres.
        <People> told us about <a_adj> <noun> behind the <noun>.
        In the evening we ate <dish> with <food> in <town>.
        It was <feeling> weather: <weather> in the morning, <weather> at night.
        A ticket for the <noun> is <money>, children pay half.
        We stayed <2-14> nights and walked about <20-90> km.
        The <adj> <noun> was built in <1500-1950> by <people> of <town>.
        Bring a <thing> and a <thing>, the nights are cold.
        <First> took <20-400> photographs of the <adj> <noun>."""),
    "poem": lines("""
        The <weather> lies <adverb> on the <adj> <noun>,
        and I walk home, <feeling> and alone,
        where once the <animal> sang beside the <noun>.
        O <colour> evening over <town>,
        the <animal> sleeps, the <animal> is awake,
        no <thing> is left, no <thing>, no sound,
        only the <adj> <weather> on the lake.
        My <first>, do you still remember <month>?
        We <verb_past> the <noun>, we <verb_past> the <noun>,
        the <adj> years went <adverb> by
        like <people> crossing <a_adj> <noun>.
        Tell me, <animal>, who <verb_past> the <colour> sky?"""),
    "school": lines("""
        The school in <town> has <200-900> pupils and <20-70> teachers.
        Lessons start at <clock> and end at <clock>.
        Lunch on <day>: <dish> with <food>, price <money>.
        Year <1-6> visits <place> on <date>.
        Math <8-11>:<10-50>, English <9-12>:<10-50>, sport in the afternoon.
        Please bring a <thing> and <money> for the bus.
        <name> teaches music and history since <1995-2020>.
        Parents meet on <day> at <clock> in room <1-60>.
        The class <verb_past> <a_adj> <noun> for the <adj> <noun>.
        In mathematics class <1-6> was <2-20> points better than class <1-6>.
        The average mark in mathematics is <1-4>.<1-9>, in English <1-4>.<1-9>.
        For the math lesson bring a ruler, a compass and a <thing>.
        <2-9> of <20-30> pupils failed the test about fractions, says <name>.
        The library lends each pupil <2-6> books for <7-30> days.
        <First> and <first> won the drawing contest of <town>.
        Holidays begin on <date>."""),
    "profile": lines("""
        <name> is a <job> who lives in <town>.
        Member since <2009-2022>, last seen on <date>.
        <First> has <12-9000> points, <1-60> badges and <2-400> followers.
        In the free time <first> repairs <a_adj> <thing>.
        I like <dish>, <weather> and my <animal>.
        Before that I was a <job> in <town> for <2-20> years.
        Ask me about <lang>, gardening and the <noun> of <town>.
        My <animal> is <2-14> years old and always <feeling>."""),
    "health": lines("""
        Drink <1-3> litres of water when there is <weather>.
        Doctors in <town> saw <20-900> patients with a cold in <month>.
        A walk of <10-60> minutes makes most <people> <feeling>.
        Take the medicine <2-4> times a day after a meal of <food>.
        The normal value lies between <60-90> and <100-140>.
        Sleep <6-9> hours and do not eat <dish> after <clock>.
        The study followed <200-900> <people> for <2-20> years.
        Eat more <food> and less <food>, says <name>, a <job>.
        Wear a <thing> when you ride through the <adj> <noun>."""),
    "finance": lines("""
        The bank pays <1-6>.<1-9> percent a year on sums above <money>.
        Together the two accounts make <money>, which is <money> more than last year.
        Divide the rent by <2-5> when <2-5> people share the flat.
        Prices rose <2-9> percent in <month>, <2-9> times as fast as wages.
        The difference between both offers is <money> a month.
        Take your income, subtract rent and food, and put one third of the rest aside.
        The share of <town> Steel gained <1-9> percent and closed at <money>.
        A loan of <money> costs <money> in interest, so you pay back <money> in all.
        The average family in <town> spends <money> on <food> and <dish>.
        Half of the <people> pay less than <money>, a quarter pays nothing.
        Add the fees: <money> plus <money> makes a lot for a <adj> <thing>.
        The sum is paid in <2-24> equal parts of <money>.
        <name>, a <job>, lost <money> in <2-9> days.
        The budget of the <noun> has a hole of <2-90> million.
        If you save <money> every week, you have enough for the <thing> in <month>.""")
    + lines("""
        The number of customers doubled to <20-900>, then fell by a third.
        Profit equals income minus cost, says <name>, and smiles.
        The tax is calculated as <10-30> percent of the value, at most <money>."""),
    "census": lines("""
        <town> has <2-90>,<100-999> inhabitants, <2-90> percent of them under <10-30>.
        The mean temperature in <month> is <2-30> degrees, the highest was <20-40>.
        The area of the <noun> is <2-90> square km, twice that of <town>.
        Between <1900-1960> and <1961-2020> the population grew by a factor of <2-9>.
        There are <2-9> times as many <people> as <people> in <town>.
        The density is <20-900> people per square km.
        <10-60> percent are <people>, <5-30> percent <people>, the rest are <people>.
        The distance from <town> to <town> is <10-90> km, the difference in height <100-900> m.
        The median age is <30-50>, the average household has <1-3>.<1-9> members.
        In <2001-2020> the number of <people> was <100-900>, in <2021-2023> only <10-99>.
        The ratio of cars to bicycles is <2-9> to 1.
        A total of <20-900> houses, <2-90> more than before, were counted on <date>.
        The <noun> measures <20-900> m by <20-900> m and is <10-90> m high.
        On average every <2-9>th person owns a <thing>.
        The probability of <weather> in <month> is <10-90> percent."""),
    "typeset": lines("""
        Put \\usepackage{<ident>} at the top of the document and compile it again.
        The command \\textbf{<thing>} prints the word in bold.
        My \\section{<thing>} gets the number <1-9>.<1-9> instead of <1-9>.
        With \\begin{itemize} and \\item you make a list of <food>.
        Write \\vspace{<2-20>mm} before the table of <food>.
        \\includegraphics[width=<2-9>cm]{<animal>.png} shows the <animal> too small.
        Error: \\label{<ident>} is defined <2-9> times.
        I want a \\caption{<thing>} below the figure, not above.
        Set \\parindent to <0-9> and \\parskip to <2-12>pt for a <adj> page.
        The footnote \\footnote{<thing>} moves to page <2-90>.
        Use \\newcommand{\\<ident>}{<thing>} when you type it often.
        The letter is in \\textit{italics} since version <1-9>.<0-9>."""),
    "nature": lines("""
        The <animal> lives near the <adj> <noun> and sleeps in winter.
        In <month> the <animal> lays <2-9> eggs.
        A grown <animal> weighs <2-90> kg and reaches an age of <3-40> years.
        <People> counted <20-900> <animal> nests around <town>.
        The <colour> flowers open in <month> after the first <weather>.
        Plant the <food> <10-60> cm apart and water them on <day>.
        Where the <animal> is missing, the <animal> becomes common.
        The temperature fell to minus <2-30> degrees in <town>.
        <weather> and <weather> are expected until <day>."""),
}

TITLES = {
    "news_title": lines("""
        <People> in <town> argue about the <adj> <noun>
        <town> opens <a_adj> <noun>
        Heavy <weather> closes the <noun> of <town>
        <name>: why I left <town>
        <town> plans <2-90> new flats near the <noun>"""),
    "recipe_title": lines("""
        <town> <dish> with <food>
        Quick <dish> with <food> and <food>
        <first>'s <adj> <dish>
        <dish> in <10-60> minutes"""),
    "sport_title": lines("""
        <team> beat <team> <1-6> - <0-3>
        <town> <team>: results of <date>
        <name> leaves the <team>
        League table, round <1-38>"""),
    "shop_title": lines("""
        <colour> <thing> for <money>
        The <adj> <thing>, model <100-999>
        Offers of the week: <thing>, <thing>, <thing>
        Price list <2015-2023>"""),
    "code_title": lines("""
        Why is my <ident> negative in <lang>?
        Release notes <1-9>.<0-20>
        How to sort a <ident> in <lang>
        <lang>: loop over a <ident> with <2-9> threads"""),
    "travel_title": lines("""
        <1-9> days in <town>
        From <town> to <town> by train
        The <adj> <noun> of <town>"""),
    "poem_title": lines("""
        To the <animal> of <town>
        <month>
        The <adj> <noun>"""),
    "school_title": lines("""
        News from class <1-6>
        Lunch menu, week <1-52>
        Trip to <town>"""),
    "profile_title": lines("""
        <name>
        User <first><10-999>
        About <first>"""),
    "finance_title": lines("""
        How to save <money> a month
        Interest rates rise by <1-9> percent
        <town> Steel: profit minus <2-60> percent
        Sharing the costs of a <thing>"""),
    "census_title": lines("""
        <town> in numbers
        Population of <town>
        The <noun> of <town>: area, height, age
        Averages for <month>"""),
    "typeset_title": lines("""
        How to print a <adj> <thing> in LaTeX
        \\section{<thing>} has the wrong number
        A list with \\item and <food>"""),
    "health_title": lines("""
        How much <food> is healthy?
        <feeling> in <month>: what <people> can do"""),
    "nature_title": lines("""
        The <animal>
        <month> in the garden
        Weather in <town>, <date>"""),
}

CODE = lines("""
    for (int i = 0; i < <ident>; i++) { <ident> += i * <2-9>; }
    <ident> = <ident>[1:] + [<1-99>, <1-99>]
    if <ident> >= <10-900>: return <ident> - <1-9>
    let <ident> = <ident> * <2-9> + <1-99>;
    assert <ident> == <ident> + <1-9>, "bad <ident>"
    while (<ident> > 0) <ident> = <ident> / 2;
    print(f"<ident> = <1-99>")
    const <ident> = <ident> % <2-16> === 0 ? <1-9> : <1-9>;
    # TODO(<first>): <ident> may overflow
    SELECT <ident>, <ident> FROM t WHERE <ident> < <10-900> ORDER BY <ident>;
    return <ident> << <1-8> | <ident> & 0xFF""")

ROWS = {
    "shop_row": lines("""
        <thing>\t<colour>\t<1-20>\t<money>
        <adj> <thing>\t<1-9> x <money>\t<money>"""),
    "sport_row": lines("""
        <town> <team>\t<8-38>\t<1-20>\t<0-9>\t<10-90>:<10-60>\t<10-80>
        <name>\t<10-30>\t<1-12>.<0-9>\t<10-55>:<10-59>"""),
    "finance_row": lines("""
        <town> bank\t<1-9>.<1-9> %\t<money>\t<2-24> months
        <month>\t<money>\t- <money>\t= <money>"""),
    "census_row": lines("""
        <town>\t<1-90>,<100-999>\t<2-90> %\t<20-900>
        <1950-2020>\t<10-90>.<0-9>\t<10-90>.<0-9>"""),
    "school_row": lines("""
        <clock>\tMath\tEnglish\tSport\tMusic
        <day>\t<dish>\t<food>\t<money>"""),
}


def build() -> Grammar:
    """The grammar: topic, `<topic>_title`, `<topic>_row` and `code_line` are the rules that pages use."""
    rules = {**WORDS, **TOPICS, **TITLES, **ROWS, "code_line": CODE}
    for name, source in (
        ("Place", "place"),
        ("People", "people"),
        ("First", "first"),
        ("A_adj", "a_adj"),
    ):
        rules[name] = [
            word[0].upper() + word[1:] if word[0] != "<" else word for word in WORDS[source]
        ]
    return Grammar(rules)


ENGLISH = build()
