"""Chinese sentence grammars of the pages that are not mathematics; the topics are those of prose_en.py."""

# ruff: noqa: E501 (tables of sentences)
from __future__ import annotations

from pipeline.world.web.grammar import Grammar, lines, words

WORDS = {
    "surname": words("王|李|张|刘|陈|杨|赵|黄|周|吴|徐|孙|胡|朱|高|林|何|郭|马|罗|梁|宋|郑|谢"),
    "given": words(
        "明|丽|伟|芳|强|静|磊|敏|洋|艳|勇|娟|涛|超|霞|平|刚|桂英|秀兰|建国|小红|志强|文静|思雨|子涵|天宇"
    ),
    "town": words(
        "青石镇|白河县|东湖市|南山村|西溪镇|北岭县|云水市|长桥镇|柳林村|金沙县|海门镇|松江口|梅花镇|石塘村|龙泉县|望城市"
    ),
    "adj": words(
        "古老的|崭新的|安静的|热闹的|明亮的|狭窄的|木制的|有名的|简单的|沉重的|温暖的|寒冷的|绿色的|现代的|小小的|宽大的"
        "|空荡的|拥挤的|破旧的|便宜的|新鲜的|奇怪的|陡峭的|受欢迎的"
    ),
    "noun": words(
        "大桥|图书馆|市场|花园|车站|博物馆|河流|学校|面包店|港口|剧院|公路|公园|酒店|工厂|办公楼|街道|体育场|医院|广场"
        "|农场|森林|小岛|村庄|高塔|厨房|作坊|湖泊|礼堂|茶馆"
    ),
    "people": words(
        "居民|游客|农民|老师|司机|学生|官员|邻居|店主|护士|工程师|音乐家|志愿者|渔民|工人|记者|家长|园丁"
    ),
    "thing": words(
        "台灯|椅子|水壶|外套|背包|笔记本|毯子|自行车|相机|收音机|闹钟|雨伞|镜子|头盔|音箱|键盘|打印机|帐篷|吉他|花瓶|地毯|锅|书桌"
    ),
    "food": words(
        "西红柿|洋葱|胡萝卜|土豆|蘑菇|青椒|豆角|苹果|梨|柠檬|核桃|菠菜|白菜|面条|米饭|鸡肉|鱼肉|豆腐|牛肉|蜂蜜|大蒜|生姜|香菜|鸡蛋"
    ),
    "dish": words("汤|炖菜|沙拉|馅饼|炒饭|蛋糕|面包|煎饼|粥|饺子|火锅|凉菜|包子"),
    "verb": words(
        "参观了|修好了|粉刷了|到达了|穿过了|称赞了|买下了|拍摄了|重建了|描写了|保护了|测量了|打扫了|发现了|离开了|记住了"
    ),
    "day": words("星期一|星期二|星期三|星期四|星期五|星期六|星期天"),
    "weather": words("大雨|大雪|浓雾|大风|晴天|霜冻|小雨|雷雨|高温|冰雹"),
    "team": words("猛虎队|雄鹰队|海豚队|联合队|流浪者队|彗星队|狮子队|骑士队|火箭队|飞狐队"),
    "colour": words("红色|蓝色|绿色|黄色|黑色|白色|灰色|棕色|橙色|紫色|银色"),
    "feeling": words("高兴|疲倦|好奇|自豪|担心|感激|惊讶|平静|孤单|充满希望|紧张|放心"),
    "adverb": words("慢慢地|很快地|静静地|突然|小心地|终于|常常|很少|总是|一起"),
    "animal": words("小狗|猫|马|白鹭|狐狸|猫头鹰|绵羊|山羊|野兔|鹿|水獭|乌鸦|燕子|蜜蜂|鲤鱼|刺猬"),
    "job": words("教师|护士|面包师|木匠|飞行员|律师|编辑|厨师|修理工|设计师|图书管理员|测量员"),
    "ident": words(
        "count|total|index|buffer|result|offset|size|value|limit|node|queue|width|retries|score"
    ),
    "lang": words("Python|Java|Rust|Go|Ruby|Kotlin"),
    "money": words("<1-99>.<10-99>元|<1-9>.9元|<10-89>元|<100-900>元|¥<10-900>"),
    "clock": words("上午<7-11>点|下午<1-6>点|<8-20>:<10-59>|中午"),
    "date": words("<2009-2023>年<1-12>月<1-28>日|<1-12>月<1-28>日|<2009-2023>-<10-12>-<10-28>"),
    "name": words("<surname><given>"),
    "place": words("<town><adj><noun>|<adj><noun>|<town>"),
}

TOPICS = {
    "news": lines("""
        受<weather>影响，<place>于<day>关闭。
        <date>，大约<20-900>名<people>聚集在<place>前。
        来自<town>的<job><name>说，这个计划太贵了。
        <town>将投入<2-60>百万元修建<adj><noun>。
        “我们已经等了<2-30>年，”<name>说。
        去年<town>到<town>的车流量增加了百分之<2-40>。
        这座<noun>建于<1890-2015>年，<2016-2023>年重新开放。
        警方请<people>在<clock>以前不要靠近<noun>。
        投票结果是<10-60>比<3-9>，另有<1-8>人缺席。
        <town>的<people>对<adj><noun>感到<feeling>。
        工程从<date>开始，预计需要<3-30>个月。
        这家公司在<town>有<40-900>名员工，还要再招<5-90>人。
        据<name>介绍，费用从<money>涨到了<money>。
        没有人受伤，但是<3-60>户人家停电<2-40>小时。
        <name>因为一本关于<noun>的书获奖。
        <people>们<verb><adj><noun>。"""),
    "recipe": lines("""
        把<2-6>个<food>切碎，和<food>一起放进锅里。
        烤箱预热到<150-230>度，盘子里抹一层油。
        加入<50-500>克<food>，<adverb>搅拌。
        煮<3-45>分钟，再放<food>。
        这道<dish>可供<2-8>人食用，准备时间<5-50>分钟。
        这种<dish>来自<town>，<people>常在<day>吃。
        如果<dish>太稠，就倒入<20-200>毫升水。
        奶奶做<dish>总要放<food>和一点<food>。
        盖上锅盖，等<dish>变凉。
        最后放盐、胡椒和<food>，尝一尝味道。
        每份含<180-780>千卡热量和<3-40>克脂肪。
        人多一倍，用料也乘2：<food>要2份<50-300>克。
        把面团平均分成<2-12>份。
        <food>也可以用<food>代替。
        <dish>在冰箱里可以放<2-6>天。"""),
    "sport": lines("""
        <day>，<town><team>以<2-6>比<0-1>战胜<town><team>。
        <name>在第<2-45>分钟进球。
        <team>踢了<8-38>场比赛，积<10-80>分，排在第<2-18>位。
        主教练<name>说，开局决定了比赛。
        全场比分<70-120>比<60-110>。
        第一盘6比<0-4>，第二盘7比<5-6>。
        <name>用<10-55>分<10-59>秒跑完了<2-10>公里。
        <people>在<place>等着<team>的大巴。
        <team>最近<4-9>场比赛输了<1-3>场。
        到场观众<1000-60000>人，裁判<name>。
        <name>与<team>签约到<2024-2028>年。"""),
    "shop": lines("""
        这个<adj><thing>用<colour>木头和钢做成。
        <thing>售价<money>，包邮。
        买<2-5>件只要<money>，<date>以前优惠百分之<5-60>。
        有<colour>、<colour>和<colour>可选。
        尺寸<10-200> x <10-200> x <5-90>厘米，重<1-30>.<1-9>公斤。
        货号<1000-9999>-<10-99>，库存<1-90>件。
        <3-900>位顾客打了<1-4>.<1-9>分。
        “<thing><day>就到了，我很<feeling>。”<name>写道。
        原价<money>，现价<money>，立省<money>。
        3 x <money> + 运费<money> = <money>。
        不喜欢可以在<14-60>天内退货。
        我们的<thing>很适合<adj><noun>。
        <thing>的电池可以用<4-72>小时。"""),
    "code": lines("""
        当<ident>为空时，函数返回 None。
        在 <lang> 里要先关闭 <ident> 再读取。
        <ident> 为负数时第<2-400>行报错<100-599>。
        版本<1-9>.<0-20>.<0-9>修复了 <ident> 循环里的错误。
        每次循环结束时令 <ident> = <ident> + <1-9>。
        测试失败，因为调用<2-90>次以后 <ident> != <ident>。
        这个 <lang> 程序处理<1-90>百万行要用<10-900> MB 内存。
        在<2-64>核的机器上编译需要<2-40>分钟。
        变量 <ident> 应该改名。
        把 <ident> 放到单独的线程以后快了<2-30>倍。
        端口<1024-9999>已经被占用。
        问题 #<100-9999> 由<name>在<date>关闭。"""),
    "travel": lines("""
        我们在<date>到达<town>。
        从<town>到<town>坐火车要<1-9>个小时，票价<money>。
        从<place>可以看到<adj><noun>。
        我们的房间有一扇<colour>的门。
        不要错过<place>，它<clock>开门。
        渡船每<10-90>分钟一班。
        小路长<3-30>公里，要爬<100-900>米。
        <people>告诉我们<noun>后面有<adj><noun>。
        晚上我们在<town>吃了<food>和<dish>。
        早上是<weather>，夜里是<weather>。
        <noun>门票<money>，儿童半价。
        我们住了<2-14>晚，走了大约<20-90>公里。
        请带上<thing>和<thing>，夜里很冷。"""),
    "poem": lines("""
        <weather><adverb>落在<adj><noun>，
        我独自回家，心里<feeling>，
        <animal>在<noun>旁唱过歌。
        <town>的夜是<colour>的，
        <animal>睡了，<animal>还醒着，
        没有<thing>，没有声音，
        只有<weather>在湖上。
        你还记得<noun>吗？
        我们<verb><noun>，我们<verb><noun>，
        岁月<adverb>走过，像<people>走过<noun>。"""),
    "school": lines("""
        <town>小学有<200-900>名学生和<20-70>名老师。
        <clock>上课，<clock>放学。
        <day>午餐：<food>和<dish>，<money>。
        <1-6>年级<date>去<place>。
        数学<8-11>:<10-50>，语文<9-12>:<10-50>，下午体育。
        请带<thing>和车费<money>。
        <name>老师从<1995-2020>年起教音乐。
        家长会<day><clock>在<1-60>号教室开。
        数学平均分<1-6>年级比<1-6>年级高<2-20>分。
        <20-30>名学生里有<2-9>名分数测验不及格，<name>说。
        数学课请带尺子、圆规和<thing>。
        图书馆每人可以借<2-6>本书，借期<7-30>天。
        <name>和<name>在画画比赛中得奖。"""),
    "profile": lines("""
        <name>是一名<job>，住在<town>。
        <2009-2022>年注册，最近登录<date>。
        <name>有<12-9000>分、<1-60>枚徽章和<2-400>位粉丝。
        我喜欢<dish>、<weather>和我的<animal>。
        以前我在<town>当<job>，当了<2-20>年。
        我的<animal>今年<2-14>岁，总是很<feeling>。"""),
    "health": lines("""
        遇到<weather>，每天要喝<1-3>升水。
        <town>的医生<date>看了<20-900>名感冒病人。
        散步<10-60>分钟会让<people>感到<feeling>。
        这种药每天吃<2-4>次，饭后服用。
        正常值在<60-90>到<100-140>之间。
        每天睡<6-9>小时，<clock>以后不要吃<dish>。
        多吃<food>，少吃<food>，<job><name>说。"""),
    "finance": lines("""
        银行对<money>以上的存款每年付百分之<1-6>的利息。
        两个账户加起来一共<money>，比去年多<money>。
        <2-5>个人合租，房租要除以<2-5>。
        物价上涨百分之<2-9>，是工资涨幅的<2-9>倍。
        两个方案每月相差<money>。
        收入减去房租和伙食，剩下的三分之一存起来。
        <town>钢铁股价上涨百分之<1-9>，收于<money>。
        贷款<money>的利息是<money>，总共要还<money>。
        <town>的家庭平均每月花<money>买<food>。
        一半<people>付的不到<money>。
        手续费<money>加<money>，买<thing>太贵了。
        这笔钱平均分<2-24>次付清，每次<money>。
        利润等于收入减成本，<name>笑着说。
        顾客人数增加一倍到<20-900>人，后来又减少三分之一。"""),
    "census": lines("""
        <town>有<2-90>万人口，其中百分之<2-90>不到<10-30>岁。
        <town>的平均气温是<2-30>度，最高<20-40>度。
        <noun>的面积是<2-90>平方公里，是<town>的两倍。
        <1900-1960>年到<1961-2020>年人口增加到<2-9>倍。
        <town>的<people>比<people>多<2-90>人。
        人口密度是每平方公里<20-900>人。
        <town>到<town>的距离是<10-90>公里，高度相差<100-900>米。
        平均每户<1-3>.<1-9>人，平均年龄<30-50>岁。
        汽车与自行车的比是<2-9>比1。
        <date>一共统计到<20-900>座房屋，比以前多<2-90>座。
        <noun>长<20-900>米，宽<20-900>米，高<10-90>米。
        <weather>的概率是百分之<10-90>。"""),
    "typeset": lines("""
        在文档开头写 \\usepackage{<ident>}，再编译一次。
        命令 \\textbf{<thing>} 把词印成粗体。
        \\section{<thing>} 的编号是<1-9>.<1-9>，不对。
        用 \\begin{itemize} 和 \\item 列出<food>。
        表格前面写 \\vspace{<2-20>mm}。
        \\includegraphics[width=<2-9>cm]{<ident>.png} 太小了。
        错误：\\label{<ident>} 定义了<2-9>次。
        脚注 \\footnote{<thing>} 跑到第<2-90>页去了。"""),
    "nature": lines("""
        <animal>住在<adj><noun>附近，冬天会冬眠。
        春天<animal>会产<2-9>个蛋。
        成年<animal>重<2-90>公斤，能活<3-40>年。
        <people>在<town>周围数到<20-900>个巢。
        <colour>的花在<weather>以后开放。
        <food>的间距是<10-60>厘米，<day>浇水。
        <town>的气温降到零下<2-30>度。
        直到<day>都有<weather>。"""),
}

TITLES = {
    "news_title": lines(
        "<town>的<people>谈<adj><noun>\n<town>新<noun>开放\n<weather>造成<town><noun>关闭\n<name>：我为什么离开<town>"
    ),
    "recipe_title": lines("<food><dish>的做法\n<town><dish>\n<10-60>分钟做好<food><dish>"),
    "sport_title": lines("<team><2-6>比<0-1>胜<team>\n<town><team>：<date>赛果\n积分榜第<1-38>轮"),
    "shop_title": lines(
        "<colour><thing>只要<money>\n本周特价：<thing>、<thing>\n<2015-2023>年价目表"
    ),
    "code_title": lines(
        "<lang> 里 <ident> 为什么是负数？\n<1-9>.<0-20> 版更新说明\n怎样在 <lang> 里排序 <ident>"
    ),
    "travel_title": lines("<town><1-9>日游\n坐火车从<town>到<town>\n<town>的<adj><noun>"),
    "poem_title": lines("致<town>的<animal>\n<weather>\n<adj><noun>"),
    "school_title": lines("<1-6>年级新闻\n第<1-52>周食谱\n<town>春游"),
    "profile_title": lines("<name>\n用户<given><10-999>\n关于<name>"),
    "finance_title": lines("怎样每月省下<money>\n利率上调百分之<1-9>\n<thing>的费用怎么分摊"),
    "census_title": lines("数字里的<town>\n<town>的人口\n<noun>的面积和高度"),
    "typeset_title": lines("怎样用 LaTeX 排<thing>\n\\section{<thing>} 编号不对"),
    "health_title": lines("吃多少<food>才健康？\n<weather>天的注意事项"),
    "nature_title": lines("<animal>\n花园日记\n<town>天气，<date>"),
}

ROWS = {
    "shop_row": lines("<thing>\t<colour>\t<1-20>\t<money>\n<adj><thing>\t<1-9> x <money>\t<money>"),
    "sport_row": lines(
        "<town><team>\t<8-38>\t<1-20>\t<0-9>\t<10-90>:<10-60>\t<10-80>\n<name>\t<10-30>\t<10-55>:<10-59>"
    ),
    "school_row": lines("<clock>\t数学\t语文\t体育\t音乐\n<day>\t<food><dish>\t<money>"),
}

CODE = lines("""
    for (int i = 0; i < <ident>; i++) { <ident> += i * <2-9>; }
    <ident> = <ident>[1:] + [<1-99>, <1-99>]  # 取其余部分
    if <ident> >= <10-900>: return <ident> - <1-9>
    let <ident> = <ident> * <2-9> + <1-99>; // 计算<ident>
    while (<ident> > 0) <ident> = <ident> / 2;
    print("<ident> =", <1-99>)
    # 注意：<ident> 可能溢出""")

CHINESE = Grammar({**WORDS, **TOPICS, **TITLES, **ROWS, "code_line": CODE})
