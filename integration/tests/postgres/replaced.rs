//! A watch that was replaced while it did nothing: what another one has published since is no reason to mistrust its
//! own ledger.

use testbed::courier::unwrapped;
use testbed::watched::until;

use super::program::Scene;
use crate::site::Place;

#[test]
fn a_watch_that_was_replaced_between_two_runs_is_told_by_whom_and_nothing_else() {
    let Some(scene) = Scene::new() else { return };
    let (one, other) = (scene.host_that_watches(), scene.host_that_watches());
    let watch = |host: &Place| scene.watch(host);
    let delivered = |count: usize| Scene::delivers(&one, count);
    scene.publish();
    let paused = watch(&one);
    delivered(1);
    // Its run is over, and what another one publishes is news to it.
    paused.says("1 uploaded", 1);
    paused.signal("STOP");
    let second = watch(&other);
    scene.publish();
    delivered(2);
    second.says("1 uploaded", 1);
    paused.signal("CONT");
    until("it knows", || {
        unwrapped(&paused.said()).contains("was taken from this run by ")
    });
    let said = unwrapped(&paused.said());
    assert!(
        !said.contains("old copy") && !said.contains("recover"),
        "{said}"
    );
    for watch in [second, paused] {
        watch.signal("TERM");
        let (code, said) = watch.ended();
        assert_eq!(code, Some(0), "{said}");
    }
    scene.run(&one, &["verify"], 0);
}
