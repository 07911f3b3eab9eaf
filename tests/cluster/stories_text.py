"""Articles written for these tests: every story, name and figure is invented."""

# ruff: noqa: E501  (sentences of articles)

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from dedup.article import Article

DAY = datetime(2024, 5, 6, 8, tzinfo=UTC)


def article(name: str, title: str, text: str, *, hours: float | None = 0, source: str | None = None) -> Article:
    """One article, published so many hours after :data:`DAY` (``None``: undated)."""
    moment = None if hours is None else DAY + timedelta(hours=hours)
    return Article(id=name, title=title, text=text, published_at=moment, source=source)


def gold_price(day: int, buy: str, sell: str, world: str) -> Article:
    """A daily report of the price of gold: same words, other numbers."""
    return article(
        f"gold{day}",
        f"Giá vàng hôm nay {day}/5: vàng miếng {sell} triệu đồng",
        f"Giá vàng hôm nay {day}/5 tại các cửa hàng lớn ở Hà Nội và TP HCM được niêm yết mua vào {buy} triệu đồng, "
        f"bán ra {sell} triệu đồng mỗi lượng. Trên thị trường thế giới, giá vàng giao ngay đứng ở mức {world} USD một "
        f"ounce vào sáng {day}/5. Chênh lệch giữa giá trong nước và thế giới vẫn ở mức cao. Các chuyên gia cho rằng giá "
        "vàng còn biến động mạnh trong ngắn hạn do lãi suất và tình hình địa chính trị, nhà đầu tư cần thận trọng khi "
        "mua vào ở vùng giá này. Ngân hàng Nhà nước cho biết tiếp tục theo dõi sát thị trường và sẵn sàng can thiệp khi cần.",
        hours=24 * (day - 6),
    )


FIRE_HANOI = (
    article(
        "hn1",
        "Cháy chung cư mini ở Thanh Xuân, Hà Nội, 5 người thoát nạn",
        "Khoảng 2h sáng 6/5, ngọn lửa bùng phát tại tầng một chung cư mini trong ngõ 112 phố Khương Trung, quận Thanh "
        "Xuân, Hà Nội. Cảnh sát phòng cháy điều 8 xe chữa cháy đến hiện trường, cứu được 5 người mắc kẹt trên tầng bốn. "
        "Chủ nhà là ông Đặng Văn Tường cho biết lửa cháy từ khu để xe máy. Đến 4h đám cháy được dập tắt hoàn toàn.",
    ),
    article(
        "hn2",
        "Giải cứu 5 người trong vụ cháy chung cư mini phố Khương Trung",
        "Lực lượng cứu hộ Công an TP Hà Nội rạng sáng nay đã đưa 5 người bị kẹt trong chung cư mini ở ngõ 112 Khương "
        "Trung (quận Thanh Xuân) ra ngoài an toàn. Đám cháy xuất phát từ khu vực để xe máy ở tầng một lúc 2h ngày 6/5. "
        "Ông Đặng Văn Tường, chủ tòa nhà, nói hệ thống báo cháy đã hoạt động kịp thời.",
        hours=3,
    ),
)
FIRE_SAIGON = (
    article(
        "sg1",
        "Cháy kho vải ở Bình Tân, TP HCM, khói đen bốc cao hàng chục mét",
        "Rạng sáng 6/5, kho vải rộng 600 m2 trên đường Tân Kỳ Tân Quý, quận Bình Tân, TP HCM bốc cháy dữ dội. Cảnh sát "
        "phòng cháy huy động 15 xe chữa cháy, phun nước từ nhiều hướng. Bà Lê Thị Hường, chủ kho, cho biết hàng trăm "
        "cuộn vải đã bị thiêu rụi, không có người bị thương. Lửa được khống chế lúc 5h.",
        hours=1,
    ),
    article(
        "sg2",
        "Hỏa hoạn thiêu rụi kho vải 600 m2 ở quận Bình Tân",
        "Đám cháy xảy ra tại kho vải của bà Lê Thị Hường trên đường Tân Kỳ Tân Quý (Bình Tân, TP HCM) rạng sáng nay. "
        "15 xe chữa cháy được điều đến, lính cứu hỏa mất hơn hai giờ mới khống chế ngọn lửa. Không ai bị thương, hàng "
        "trăm cuộn vải cháy rụi.",
        hours=5,
    ),
)
MATCH_FIRST = (
    article(
        "m1",
        "Thanh Lam thắng Sông Hậu 2-1 ở lượt đi",
        "Tối 6/5, trên sân Bãi Cháy, Thanh Lam thắng Sông Hậu 2-1 ở lượt đi bán kết cúp quốc gia. Tiền đạo Trần Quốc "
        "Bửu ghi cả hai bàn cho chủ nhà ở phút 12 và 67, Lê Hữu Đạt gỡ lại một bàn cho đội khách từ chấm phạt đền.",
        hours=14,
    ),
    article(
        "m2",
        "Trần Quốc Bửu lập cú đúp, Thanh Lam hạ Sông Hậu 2-1",
        "Cú đúp của Trần Quốc Bửu giúp Thanh Lam đánh bại Sông Hậu 2-1 trong trận bán kết lượt đi cúp quốc gia tối 6/5 "
        "trên sân Bãi Cháy. Bàn duy nhất của Sông Hậu do Lê Hữu Đạt ghi trên chấm phạt đền.",
        hours=16,
    ),
)
MATCH_SECOND = (
    article(
        "m3",
        "Sông Hậu đè bẹp Thanh Lam 3-0, giành vé vào chung kết",
        "Tối 10/5, Sông Hậu thắng Thanh Lam 3-0 trong trận lượt về trên sân Ninh Kiều để vào chung kết với tổng tỷ số "
        "4-2. Ngoại binh Carlos Mendes mở tỷ số phút 9 bằng đầu, Phạm Minh Trí và Nguyễn Tấn Lộc nhân đôi rồi nhân ba "
        "cách biệt trong hiệp hai.",
        hours=24 * 4 + 14,
    ),
    article(
        "m4",
        "Carlos Mendes đưa Sông Hậu vào chung kết",
        "Bàn mở tỷ số của Carlos Mendes ở phút 9 đặt nền móng cho chiến thắng 3-0 của Sông Hậu trước Thanh Lam tối 10/5 "
        "trên sân Ninh Kiều. Phạm Minh Trí và Nguyễn Tấn Lộc ghi hai bàn còn lại trong hiệp hai, tổng tỷ số là 4-2.",
        hours=24 * 4 + 17,
    ),
)


def conference(number: int, year: int, day: int, host: str, theme: str, tag: str) -> tuple[Article, Article]:
    """Two reports of a yearly conference; only ordinal, date, host and theme change from year to year."""
    return (
        article(
            f"conf{tag}a",
            f"Khai mạc Hội nghị Thủy lợi toàn quốc lần thứ {number}",
            f"Sáng {day}/8, tại {host}, Bộ Nông nghiệp khai mạc Hội nghị Thủy lợi toàn quốc lần thứ {number} với chủ đề "
            f"“{theme}”. Hội nghị có hơn 300 đại biểu từ các tỉnh thành và các viện nghiên cứu. Phát biểu khai mạc, lãnh "
            "đạo Bộ đánh giá cao kết quả của ngành thủy lợi và đề nghị các địa phương tiếp tục đầu tư cho hồ đập, kênh "
            "mương, ứng phó biến đổi khí hậu và bảo đảm nguồn nước cho sản xuất.",
            hours=None,
        ),
        article(
            f"conf{tag}b",
            f"{host}: hơn 300 đại biểu dự Hội nghị Thủy lợi toàn quốc",
            f"Hội nghị Thủy lợi toàn quốc lần thứ {number} diễn ra ngày {day} tháng 8 năm {year} tại {host}, thu hút hơn "
            f"300 đại biểu. Chủ đề năm nay là “{theme}”. Các tham luận tập trung vào an toàn hồ đập, hiện đại hóa kênh "
            "mương và bảo đảm nguồn nước cho sản xuất nông nghiệp trong điều kiện biến đổi khí hậu.",
            hours=None,
        ),
    )


def blurred(seed: int, count: int = 24) -> list[Article]:
    """Reports that each tell half of one of the stories above, some with a sentence of another: hard to tell apart."""
    rng = random.Random(seed)
    bases = [*FIRE_HANOI, *FIRE_SAIGON, *MATCH_FIRST, *MATCH_SECOND]
    out = []
    for i in range(count):
        base, other = rng.choice(bases), rng.choice(bases).text.split(". ")
        told = base.text.split(". ")
        kept = [sentence for sentence in told if rng.random() < 0.5] or told[:1]
        kept += rng.sample(other, min(len(other), rng.choice([0, 0, 1])))
        title = base.title if rng.random() < 0.5 else ""
        out.append(article(f"b{i}", title or "", ". ".join(kept), hours=rng.randrange(24)))
    return out
