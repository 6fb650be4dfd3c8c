"""Tuesday afternoon to Thursday night: supervised, enforced, late, appealed, called back (incidents 16 to 20)."""

from __future__ import annotations

from tests.gridgov.desk_day.desk import NOISE, RUBBISH, STALL, Day


def supervised_twice(day: Day) -> None:
    """学校门口，督办两次（案卷16）。

    学校门口的摊贩按规则自动立案，陈静撤销自动处理，人工立案。派遣环节领导督办，派遣台回复；处置环节再督办，城管没有回复就
    报处置，可以；核查通过后，未回复督办不能结案，回复后结案。
    """
    day.at("周二 14:00")
    stall = day.reports("lin", STALL, "N1", "放学时摊贩堵门", standard="school", photos=1)
    stall.stands("dispatch 派遣")
    assert stall.row["automatic"] == "学校门口"
    stall.does("chen", "undo 撤销自动处理", to="intake 受理", reason="校方说已自行劝离，再问问")
    stall.may_not("chen", "undo 撤销自动处理", "not-in-this-stage", reason="再撤一次")
    stall.does("chen", "file 立案", to="dispatch 派遣")
    stall.does("jiang", "supervise 督办", to="dispatch 派遣", reason="家长来信")
    stall.does("huang", "answer 督办回复", to="dispatch 派遣", reason="马上派给城管")
    stall.does("huang", "dispatch 派遣", to="handling 处置")
    day.at("周二 14:20")
    stall.does("jiang", "supervise 督办", to="handling 处置", reason="今天放学前要有结果")
    stall.does("qiu", "handle 处置", to="checking 核查", reason="已安排定点值守")
    stall.does("zhou", "check 核查", to="closing 待结案", passed=True)
    stall.may_not("huang", "close 结案", "supervision-open")
    stall.does("qiu", "answer 督办回复", to="closing 待结案", reason="放学时段专人值守一周")
    stall.does("huang", "close 结案", to="closed 已结案")


def fined_and_done_again(day: Day) -> None:
    """执法与返工（案卷17）。

    城管先责令改正，报处置；核查环节督办、回复，并补录罚款决定。当事人的姓名只在可删除的文字里。周敏核查不通过，返工，
    时限不停；再处置，通过。
    """
    day.at("周二 15:00")
    shop = day.reports("zhou", STALL, "N2", "店外经营，占满人行道", photos=1)
    shop.does("chen", "file 立案", to="dispatch 派遣")
    shop.does("huang", "dispatch 派遣", to="handling 处置")
    order = {"legal_basis": "市容条例第十四条", "words": "当事人：某餐馆经营者"}
    shop.may_not(
        "zhou", "enforce 执法", "not-for-this-role", measure="责令改正", document="2026-117", **order
    )
    shop.does("qiu", "enforce 执法", measure="责令改正", document="2026-117", **order)
    shop.does("qiu", "handle 处置", to="checking 核查", reason="已责令收回店内")
    day.at("周二 15:10")
    shop.does("fang", "supervise 督办", to="checking 核查", reason="屡次回潮")
    shop.does("qiu", "answer 督办回复", to="checking 核查", reason="今日立案处罚")
    shop.does("qiu", "enforce 执法", measure="罚款五百元", document="2026-118", **order)
    shop.may_not("zhou", "check 核查", "reason-missing", passed=False)
    shop.does("zhou", "check 核查", to="handling 处置", passed=False, reason="桌椅又摆出来了")
    assert (shop.row["reworks"], shop.row["enforcements"]) == (1, 2)
    day.at("周二 15:30")
    shop.does("qiu", "handle 处置", to="checking 核查", reason="桌椅已登记保存")
    shop.does("zhou", "check 核查", to="closing 待结案", passed=True)
    shop.does("huang", "close 结案", to="closed 已结案")
    assert "餐馆" not in str([one["body"] for one in shop.told()["history"]])


def late_and_exempted(day: Day) -> None:
    """超期，升级，申诉成功（案卷18）。

    唐宁以网格员身份上报市场门口的垃圾，限两小时；巡办分离，他自己不能处置。超期后升级到街道值班长，吴岚上交，领导江河
    确认。孙悦处置，派给林晓核查；林晓交班给唐宁，唐宁核查，结案时已超期。北街道办申诉：市场停电清运不了；方正裁定成立。超期的事实保留，另计豁免。
    """
    day.at("周三 09:30")
    pile = day.reports("tang", RUBBISH, "N1", "市场门口垃圾外溢", standard="market")
    pile.does("chen", "file 立案", to="dispatch 派遣")
    pile.does("huang", "dispatch 派遣", to="handling 处置")
    pile.may_not("tang", "handle 处置", "same-person", reason="顺手清了")
    day.at("周三 11:50")
    assert pile.row["escalation_level"] == "street"
    assert [one["kind"] for one in pile.told()["history"][-3:]] == ["noticed", "noticed", "escalated"]
    pile.may_not("jiang", "acknowledge 确认", "not-asked")
    pile.does("wu", "pass_on 上交", reason="要区里协调供电")
    pile.does("jiang", "acknowledge 确认", reason="已联系供电所")
    day.at("周三 14:00")
    pile.does("sun", "handle 处置", to="checking 核查", reason="已清运")
    pile.is_sent("lin", "on_duty")
    day.hands_over("lin", "tang", remark="市场那一件还没核查")
    assert pile.row["task_person"] == "tang"
    pile.does("tang", "check 核查", to="closing 待结案", passed=True)
    pile.does("wu", "close 结案", to="closed 已结案")
    assert pile.row["due_at"] < pile.row["closed_at"]
    pile.may_not("zheng", "appeal 申诉", "unknown-incident", reason="不是我们的错")
    pile.does("sun", "appeal 申诉", reason="市场停电，清运车进不去")
    pile.may_not("sun", "decide 申诉裁定", "not-for-this-role", granted=True, reason="同意")
    pile.does("fang", "decide 申诉裁定", granted=True, reason="有供电所证明")
    pile.may_not("fang", "decide 申诉裁定", "nothing-applied", granted=False, reason="再想想")
    pile.may_not("sun", "appeal 申诉", "no-more", reason="再申诉一次")


def not_content(day: Day) -> None:
    """申诉不成立，回访不满意（案卷19）。

    消防通道被堵，城管超期才处置，申诉不成立。陈静回访，第一次没人接，第二次市民说又堵上了：据此重新立案，误点后撤回、再重新
    立案；派回城管，彻底清理，回访满意。
    """
    day.at("周三 14:30")
    lane = day.reports("he", STALL, "S2", "摊位堵住消防通道", standard="fire_lane", photos=1)
    lane.does("chen", "file 立案", to="dispatch 派遣")
    lane.does("huang", "dispatch 派遣", to="handling 处置")
    day.at("周三 17:00")
    lane.does("qiu", "handle 处置", to="checking 核查", reason="摊位已挪开")
    lane.does("he", "check 核查", to="closing 待结案", passed=True)
    lane.does("huang", "close 结案", to="closed 已结案")
    lane.does("qiu", "appeal 申诉", reason="人手不足")
    lane.does("jiang", "decide 申诉裁定", granted=False, reason="人手是自己的事")
    lane.may_not("chen", "reopen 重新立案", "not-for-this-role", reason="听说又堵了")
    lane.does("chen", "call_back 回访", contacted=False)
    lane.may_not("chen", "call_back 回访", "nobody-reached", contacted=False, solved=True)
    lane.may_not("chen", "reopen 重新立案", "not-for-this-role", reason="没人接")
    day.at("周四 09:00")
    lane.does("chen", "call_back 回访", contacted=True, solved=False, words="当天晚上又堵上了")
    lane.does("chen", "reopen 重新立案", to="dispatch 派遣", reason="回访未解决")
    lane.does("chen", "take_back 撤回", to="closed 已结案", reason="先问问值班长")
    lane.does("chen", "reopen 重新立案", to="dispatch 派遣", reason="值班长同意")
    lane.does("huang", "dispatch 派遣", to="handling 处置")
    day.at("周四 09:40")
    lane.does("qiu", "handle 处置", to="checking 核查", reason="加装隔离桩")
    lane.does("he", "check 核查", to="closing 待结案", passed=True)
    lane.does("huang", "close 结案", to="closed 已结案")
    lane.does("chen", "call_back 回访", contacted=True, solved=True, satisfied=True)


def at_night(day: Day) -> None:
    """夜里的噪声（案卷20）。

    周四深夜市民投诉夜间施工，规则自动立案并派给城管，无需人工。黄磊发现是抢修水管，撤销自动处理，退到受理；陈静重新立案，
    按一般噪声派给城管，留到明天。
    """
    day.at("周四 22:30")
    drill = day.reports("chen", NOISE, "S1", "半夜打桩", standard="night")
    drill.stands("handling 处置")
    assert (drill.row["lead"], drill.row["automatic"]) == ("urban", "夜间施工")
    assert [one["by"] for one in drill.told()["history"][1:]] == ["auto:夜间施工"] * 2
    drill.does("huang", "undo 撤销自动处理", to="intake 受理", reason="是抢修水管")
    drill.does("chen", "file 立案", to="dispatch 派遣", category=NOISE)
    drill.does("huang", "dispatch 派遣", to="handling 处置")
