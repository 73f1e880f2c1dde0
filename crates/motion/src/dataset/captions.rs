//! Labels in words. Every caption names colour, motif, background and camera and nothing else, so that it is true.

use super::{Background, Family, Labels};
use crate::{
    dice::Hand,
    scene::{CameraMove, Motif},
};

/// What is seen in a sample, in one line per language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captions {
    /// English.
    pub en: String,
    /// Chinese, simplified.
    pub zh: String,
    /// Japanese.
    pub ja: String,
}

/// Ways to say something in each language.
struct Phrases {
    en: &'static [&'static str],
    zh: &'static [&'static str],
    ja: &'static [&'static str],
}

/// `{}` is where the colour goes: in English as an adjective (`{a}` with its article), in Chinese before the noun, in
/// Japanese as what stands before a noun. A Japanese phrase ends as a noun or a verb in plain form.
fn motif(motif: Motif) -> Phrases {
    let (en, zh, ja): (&'static [_], &'static [_], &'static [_]) = match motif {
        Motif::Fireworks => (
            &["{} fireworks bursting", "{} fireworks", "a show of {} fireworks"],
            &["{}烟花绽放", "{}焰火在空中绽开", "一场{}烟花"],
            &["{}花火が開く", "{}花火", "{}打ち上げ花火"],
        ),
        Motif::Snow => (
            &["{} snow falling", "{} snowflakes drifting down", "falling {} snow"],
            &["{}雪花飘落", "{}的雪纷纷落下", "飘着{}雪花"],
            &["{}雪が降る", "{}雪がちらちら舞う", "降りしきる{}雪"],
        ),
        Motif::SkyLanterns => (
            &["{} sky lanterns rising", "{} sky lanterns floating up", "rising {} sky lanterns"],
            &["{}孔明灯缓缓升起", "{}天灯升空", "升起的{}孔明灯"],
            &["{}スカイランタンが昇っていく", "{}天灯が空へ浮かぶ", "昇っていく{}スカイランタン"],
        ),
        Motif::Petals => (
            &["{} petals on the wind", "{} blossom petals drifting", "falling {} petals"],
            &["{}花瓣随风飘落", "{}花瓣飞舞", "飘落的{}花瓣"],
            &["{}花びらが風に舞う", "{}花びらが散る", "舞い散る{}花びら"],
        ),
        Motif::Hearts => (
            &["{} hearts rising", "{} hearts floating up", "glossy {} hearts"],
            &["{}爱心缓缓升起", "{}心形向上飘", "一颗颗{}爱心"],
            &["{}ハートが昇る", "{}ハートがふわふわ浮かぶ", "つややかな{}ハート"],
        ),
        Motif::Confetti => (
            &["{} confetti falling", "{} paper confetti tumbling", "a shower of {} confetti"],
            &["{}彩纸屑飘落", "{}纸屑漫天飞舞", "洒落的{}彩纸屑"],
            &["{}紙吹雪が舞う", "{}紙吹雪が降る", "舞い落ちる{}紙吹雪"],
        ),
        Motif::Bokeh => (
            &["{} bokeh lights", "blurred {} lights", "soft {} bokeh drifting"],
            &["{}散景光斑", "{}虚化光点", "柔和的{}光斑"],
            &["{}ボケの光", "{}玉ボケ", "ぼやけた{}光の玉"],
        ),
        Motif::CrescentAndLamps => (
            &["a crescent moon and {} hanging lamps", "{} lamps hanging under a crescent moon", "{} lamps and a crescent moon"],
            &["弯月与{}吊灯", "新月下悬挂的{}灯笼吊灯", "{}吊灯和一弯新月"],
            &["三日月と{}吊りランプ", "三日月の下に{}ランプが揺れる", "{}吊りランプと三日月"],
        ),
        Motif::RangoliLights => (
            &["{a} rangoli with oil lamps", "{a} rangoli pattern lit by small lamps", "oil lamps around {a} rangoli"],
            &["{}兰果丽图案与油灯", "油灯环绕的{}兰果丽", "点着小油灯的{}兰果丽"],
            &["{}ランゴリと灯火", "小さな灯に囲まれた{}ランゴリ", "オイルランプと{}ランゴリ"],
        ),
        Motif::TurntableBall => (
            &["{a} ball turning on a turntable", "{a} striped ball on a turntable", "a turntable with {a} ball"],
            &["{}球在转台上旋转", "转台上的{}条纹球", "旋转展示的{}球"],
            &["回転台の上で{}ボールが回る", "回転台の上の{}縞模様のボール", "回転台で回る{}ボール"],
        ),
        Motif::TurntableBox => (
            &["{a} gift box turning on a turntable", "{a} gift box with a bow on a turntable", "a turntable with {a} gift box"],
            &["{}礼盒在转台上旋转", "转台上系着蝴蝶结的{}礼盒", "旋转展示的{}礼盒"],
            &["回転台の上で{}ギフトボックスが回る", "回転台の上のリボン付きの{}ギフトボックス", "回転台で回る{}ギフトボックス"],
        ),
        Motif::TurntableBottle => (
            &["{a} bottle turning on a turntable", "{a} bottle with a label on a turntable", "a turntable with {a} bottle"],
            &["{}瓶子在转台上旋转", "转台上贴着标签的{}瓶子", "旋转展示的{}瓶子"],
            &["回転台の上で{}ボトルが回る", "回転台の上のラベル付きの{}ボトル", "回転台で回る{}ボトル"],
        ),
        Motif::TurntablePhone => (
            &["{a} phone turning on a turntable", "{a} smartphone above a turntable", "a turntable with {a} phone"],
            &["{}手机在转台上旋转", "转台上方的{}智能手机", "旋转展示的{}手机"],
            &["回転台の上で{}スマートフォンが回る", "回転台の上の{}スマートフォン", "回転台で回る{}スマホ"],
        ),
        Motif::PaperLanterns => (
            &["{} paper lanterns swaying on cords", "strings of {} paper lanterns", "hanging {} paper lanterns with tassels"],
            &["一串串{}灯笼轻轻摇曳", "悬挂的{}纸灯笼", "随风轻摆的{}圆灯笼"],
            &["{}提灯が揺れる", "連なる{}提灯", "吊るされた{}丸い提灯"],
        ),
        Motif::Waves => (
            &["{} waves on the sea", "{a} sea with rolling waves", "rolling {} waves with foam"],
            &["{}海浪翻涌", "{}大海波浪起伏", "泛着泡沫的{}波浪"],
            &["{}海に波がうねる", "{}波が寄せる", "うねる{}海の波"],
        ),
        Motif::Sparkles => (
            &["{} sparkles twinkling", "{} star glints flaring", "twinkling {} sparkles"],
            &["{}闪光闪烁", "{}星芒闪耀", "一闪一闪的{}星芒"],
            &["{}きらめきが瞬く", "{}星形の光がきらめく", "瞬く{}きらめき"],
        ),
        Motif::GoldDust => (
            &["{} dust glittering in beams of light", "{} glitter dust drifting", "fine {} dust in shafts of light"],
            &["{}微尘在光束中闪烁", "{}闪粉缓缓飘动", "光束里的{}细尘"],
            &["光の筋に{}粉塵がきらめく", "{}微細な粉が漂う", "光の中を漂う{}粉"],
        ),
        Motif::CityBokeh => (
            &[
                "a street with {} lights out of focus",
                "{} city lights and passing cars, blurred",
                "blurred traffic and {} windows in a street",
            ],
            &["街道上虚化的{}灯光", "{}城市灯火与车流光斑", "街上模糊的车流与{}窗光"],
            &["ぼけた{}街灯りと車の流れ", "通りの{}ボケた灯り", "{}街の灯りと行き交う車のボケ"],
        ),
        Motif::Candles => (
            &["{} candles with flickering flames", "{} candles burning", "glowing {} candles"],
            &["{}蜡烛烛光摇曳", "燃烧的{}蜡烛", "静静燃着的{}蜡烛"],
            &["{}キャンドルの炎が揺れる", "{}ろうそくが燃える", "灯る{}キャンドル"],
        ),
        Motif::Aurora => (
            &["{} aurora over a lake", "curtains of {} northern lights", "{} polar light above mountains"],
            &["湖上的{}极光", "{}极光如帷幕般舞动", "群山上空的{}北极光"],
            &["湖の上の{}オーロラ", "{}オーロラがゆらめく", "山の上に広がる{}極光"],
        ),
        Motif::Sunrise => (
            &["{a} sun rising over hills", "{a} sunrise over misty hills", "{a} sun above hills in the mist"],
            &["{}太阳从山间升起", "群山晨雾中的{}日出", "薄雾山丘上的{}朝阳"],
            &["丘の上に{}太陽が昇る", "霧の山々と{}朝日", "山あいから昇る{}日の出"],
        ),
        Motif::Ribbons => (
            &["{} silk ribbons flowing", "flowing {} ribbons", "{} ribbons of silk waving in the air"],
            &["{}丝带飘动", "流动的{}绸带", "空中飘舞的{}丝绸缎带"],
            &["{}シルクのリボンが流れる", "流れる{}リボン", "宙になびく{}絹のリボン"],
        ),
        Motif::InkInWater => (
            &["{} ink unfolding in water", "plumes of {} ink in water", "{} ink clouds swirling under water"],
            &["{}墨水在水中晕开", "水中的{}墨团", "水里翻卷的{}墨云"],
            &["水の中に{}インクが広がる", "水中の{}インクの煙", "水に渦巻く{}インク"],
        ),
        Motif::RainOnGlass => (
            &["rain on a window before {} lights", "raindrops on glass and blurred {} lights", "{} lights behind a rainy window"],
            &["雨滴玻璃窗外的{}灯光", "玻璃上的雨珠与{}光斑", "雨窗后的{}灯火"],
            &["雨に濡れた窓越しの{}灯り", "ガラスの雨粒と{}光", "窓の雨しずくと{}ぼやけた灯り"],
        ),
        Motif::Balloons => (
            &["{} balloons rising", "{} balloons on strings floating up", "glossy {} balloons"],
            &["{}气球缓缓升空", "系着细绳的{}气球", "一只只{}气球飘起"],
            &["{}風船が昇る", "{}風船がふわふわ浮かぶ", "ひもの付いた{}風船"],
        ),
        Motif::Leaves => (
            &["{} leaves falling in a wood", "{} autumn leaves tumbling", "falling {} leaves"],
            &["{}树叶在林间飘落", "{}秋叶翻飞", "飘落的{}落叶"],
            &["{}葉が森に舞い落ちる", "{}落ち葉が舞う", "舞い散る{}木の葉"],
        ),
    };
    Phrases { en, zh, ja }
}

/// English adjective, Chinese attribute, Japanese attribute.
fn family(family: Family) -> [&'static str; 3] {
    match family {
        Family::Red => ["red", "红色", "赤い"],
        Family::Orange => ["orange", "橙色", "オレンジ色の"],
        Family::Gold => ["golden", "金色", "金色の"],
        Family::Green => ["green", "绿色", "緑の"],
        Family::Blue => ["blue", "蓝色", "青い"],
        Family::Violet => ["violet", "紫色", "紫の"],
        Family::Pink => ["pink", "粉色", "ピンクの"],
        Family::White => ["white", "白色", "白い"],
    }
}

/// English after what is seen, Chinese and Japanese before it.
fn background(background: Background) -> Phrases {
    let (en, zh, ja): (&'static [_], &'static [_], &'static [_]) = match background {
        Background::Night => (
            &["in a deep blue night", "against a dark blue background"],
            &["深蓝色的夜里", "深蓝色背景前"],
            &["深い青の夜に", "濃い青を背景に"],
        ),
        Background::Dusk => (
            &["at violet and orange dusk", "against a violet to orange background"],
            &["紫橙色的黄昏里", "紫色渐变橙色的背景前"],
            &["紫とオレンジの夕暮れに", "紫からオレンジへの背景に"],
        ),
        Background::Day => (
            &["in pale blue daylight", "against a pale blue background"],
            &["淡蓝色的白天里", "淡蓝色背景前"],
            &["淡い水色の昼に", "淡い水色を背景に"],
        ),
        Background::Studio => (
            &["in a light grey studio", "against a light grey background"],
            &["浅灰色的影棚里", "浅灰色背景前"],
            &["明るい灰色のスタジオで", "明るい灰色を背景に"],
        ),
        Background::Forest => (
            &["in deep forest green", "against a dark green background"],
            &["深深的森林绿中", "深绿色背景前"],
            &["深い森の緑の中で", "濃い緑を背景に"],
        ),
        Background::Wine => (
            &["in deep wine red", "against a dark red background"],
            &["深深的酒红色中", "深红色背景前"],
            &["深いワインレッドの中で", "濃い赤を背景に"],
        ),
    };
    Phrases { en, zh, ja }
}

fn camera(camera: CameraMove) -> Phrases {
    let (en, zh, ja): (&'static [_], &'static [_], &'static [_]) = match camera {
        CameraMove::Static => {
            (&["static camera", "the camera at rest"], &["镜头静止", "固定镜头"], &["カメラは固定", "静止したカメラ"])
        }
        CameraMove::Pan => (
            &["camera panning", "the camera moving sideways"],
            &["镜头横移", "镜头平移"],
            &["カメラは横に動く", "横へパンするカメラ"],
        ),
        CameraMove::Push => (
            &["camera pushing in", "the camera slowly coming closer"],
            &["镜头缓缓推进", "镜头推近"],
            &["カメラがゆっくり寄る", "前へ進むカメラ"],
        ),
        CameraMove::Orbit => (
            &["camera orbiting", "the camera circling around"],
            &["镜头环绕", "环绕运镜"],
            &["カメラが回り込む", "周りを回るカメラ"],
        ),
        CameraMove::Handheld => (
            &["handheld camera", "the camera held by hand"],
            &["手持镜头", "手持拍摄，画面轻晃"],
            &["手持ちカメラ", "手持ち撮影で少し揺れる"],
        ),
    };
    Phrases { en, zh, ja }
}

fn one(phrases: &[&'static str], hand: &mut Hand) -> &'static str {
    phrases[hand.index(phrases.len())]
}

pub(super) fn captions(labels: &Labels, hand: &mut Hand) -> Captions {
    let (motif, background, camera) = (motif(labels.motif), background(labels.background), camera(labels.camera));
    let [en, zh, ja] = family(labels.family);
    let article = if en.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    let seen = one(motif.en, hand).replace("{a}", &format!("{article} {en}")).replace("{}", en);
    let en = format!("{seen} {}, {}", one(background.en, hand), one(camera.en, hand));
    let seen = one(motif.zh, hand).replace("{}", zh);
    let zh = format!("{}，{seen}，{}", one(background.zh, hand), one(camera.zh, hand));
    let seen = one(motif.ja, hand).replace("{}", ja);
    let ja = format!("{}、{seen}、{}", one(background.ja, hand), one(camera.ja, hand));
    Captions { en, zh, ja }
}
