use super::{Drill, Wish};

#[test]
fn drills_are_read_and_written_alike() {
    for text in ["power-cut=n1", "disk=n1:0", "link=n1:lan"] {
        let Ok(Wish::One(drill)) = text.parse() else { panic!("{text} is a drill") };
        assert_eq!(drill.to_string(), text);
    }
    assert_eq!("all".parse(), Ok(Wish::All));
    assert_eq!("disk=n1:2".parse(), Ok(Wish::One(Drill::Disk("n1".into(), 2))));
}

#[test]
fn what_is_no_drill_is_refused_with_a_form() {
    for (text, message) in [
        ("power-cut", "write power-cut=NODE, disk=NODE:N, link=NODE:NET or all"),
        ("power-cut=", "write power-cut=NODE, disk=NODE:N, link=NODE:NET or all"),
        ("fire=n1", "write power-cut=NODE, disk=NODE:N, link=NODE:NET or all"),
        ("disk=n1", "a disk is NODE:N, such as disk=storage1:0"),
        ("disk=n1:sda", "a disk is NODE:N, such as disk=storage1:0"),
        ("link=n1", "a link is NODE:NET, such as link=storage1:lan"),
    ] {
        assert_eq!(text.parse::<Wish>(), Err(message.to_owned()), "{text}");
    }
}
