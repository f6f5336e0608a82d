//! Two configurations that name one ledger, and a drop-box each: a mistake that must not become half a delivery here and
//! half there.

use testbed::courier::unwrapped;

use super::program::Scene;
use crate::site::{self, Place};

#[test]
fn a_second_drop_box_over_one_ledger_waits_for_a_person_and_the_first_goes_on() {
    let Some(scene) = Scene::new() else { return };
    let (first, elsewhere) = (scene.host(), site::embedded());
    let second = Place::new(&scene.broker.url(), &elsewhere);
    scene.point(&second, &scene.schema);
    scene.publish();
    scene.run(&first, &["run"], 0);
    assert_eq!(first.zips().len(), 1);

    for delivered in 2..4 {
        scene.publish();
        let (out, said) = scene.run(&second, &["run"], 6);
        let said = unwrapped(&format!("{out}{said}"));
        let another = said.split_once("the drop-box is sftp://").map(|it| it.1);
        assert!(
            another.is_some_and(|it| it.contains(", not sftp://")),
            "{said}"
        );
        for part in ["--drop-box same ", "If it is not, put it right (SFTP.HOST"] {
            assert!(said.contains(part), "{said}");
        }
        // Not even a status.xml is put there.
        assert!(second.names().unwrap().is_empty());
        // What was delivered before, is; and the right one is not disturbed.
        let (said, _) = scene.run(&first, &["run"], 0);
        assert!(site::sum(&said).contains("1 uploaded"), "{said}");
        assert_eq!(first.zips().len(), delivered);
    }
    let (said, _) = scene.run(&first, &["run"], 0);
    assert!(site::sum(&said).contains("3 unchanged"), "{said}");
    scene.run(&first, &["verify"], 0);
    scene.run(&second, &["verify"], 0);
}
