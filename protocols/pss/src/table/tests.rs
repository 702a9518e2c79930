use super::*;

fn node(number: u32) -> NodeId {
    let mut key = [0; 32];
    key[..4].copy_from_slice(&number.to_be_bytes());
    NodeId::from_bytes(key)
}

fn full(count: u32) -> Table {
    let mut table = Table::new(Address::of(&node(0)));
    for number in 1..count {
        table.add(node(number));
    }
    table
}

#[test]
fn bins_are_bounded_and_keep_those_that_were_there_first() {
    let table = full(1_000);
    assert!((0..256).all(|bin| table.in_bin(bin) <= BIN_CAPACITY));
    assert_eq!(table.in_bin(0), BIN_CAPACITY);
    let first = (1..1_000).map(node).filter(|id| table.own.proximity(&Address::of(id)) == 0);
    let kept: Vec<_> = table.peers().filter(|place| table.own.proximity(&place.address) == 0).collect();
    assert!(first.take(BIN_CAPACITY).all(|id| kept.iter().any(|place| place.id == id)));
}

#[test]
fn a_node_is_in_its_table_once_and_never_itself() {
    let mut table = full(2);
    assert!(table.add(node(1)));
    assert!(!table.add(node(0)), "this is the node itself");
    assert_eq!(table.len(), 1);
    assert!(table.remove(&node(1)) && !table.remove(&node(1)));
    assert!(table.is_empty());
}

#[test]
fn one_that_finds_its_bin_full_gets_what_is_for_it_and_the_next_place() {
    let mut table = full(1_000);
    let far = |id: &NodeId| table.own.proximity(&Address::of(id)) == 0;
    let all: Vec<_> = (1..1_000).map(node).filter(far).collect();
    let (inside, waiting) = all.split_at(BIN_CAPACITY);
    let first = Address::of(&waiting[0]);
    assert_eq!(table.towards(&Prefix::full(&first))[0].id, waiting[0], "it is connected");
    assert!(table.matching(&Prefix::of(&first, 8)).contains(&Place::of(waiting[0])));
    assert!(!table.nearest(&first, 1_000).contains(&Place::of(waiting[0])), "nothing goes by way of it");
    assert!(!table.remove(&waiting[1]), "it had no place, and waits no more");
    assert!(table.remove(&inside[3]) && table.remove(&inside[5]));
    let places = |table: &Table| table.bins[&0].iter().map(|place| place.id).collect::<Vec<_>>();
    assert_eq!(places(&table)[BIN_CAPACITY - 2..], [waiting[0], waiting[2]]);
    all.iter().for_each(|id| _ = table.remove(id));
    assert!(table.in_bin(0) == 0 && !table.waiting.contains_key(&0));
}

#[test]
fn the_depth_is_where_the_nearest_begin() {
    assert_eq!(full(5).depth(), 0);
    let table = full(1_000);
    let depth = table.depth();
    let behind = |bin| (bin..256).map(|bin| table.in_bin(bin)).sum::<usize>();
    assert!(behind(depth) >= NEIGHBOURS && behind(depth + 1) < NEIGHBOURS);
}

#[test]
fn towards_a_destination_leads_only_nearer() {
    let table = full(1_000);
    for number in 1_000..1_100 {
        let there = Address::of(&node(number));
        let next = table.towards(&Prefix::full(&there));
        let steps: Vec<_> = next.iter().map(|place| there.distance(&place.address)).collect();
        assert!(steps.is_sorted() && steps.iter().all(|step| *step < there.distance(table.own())));
        let next = table.towards(&Prefix::of(&there, 1));
        let own = Prefix::of(&there, 1).proximity(table.own());
        assert!(next.iter().all(|place| Prefix::of(&there, 1).proximity(&place.address) > own));
    }
    assert!(table.towards(&Prefix::EMPTY).is_empty(), "nobody is nearer to everybody");
    assert_eq!(table.matching(&Prefix::EMPTY).len(), 999, "all that are connected");
}

#[test]
fn what_is_spare_is_never_what_is_wanted() {
    let mut table = full(1_000);
    let mut without_room = (1..1_000).map(node).filter(|id| !table.peers().any(|place| place.id == *id));
    let first = without_room.next().unwrap();
    assert_eq!(table.spare([first, node(1), node(2)]), Some(first));
    let before = table.nearest(&table.own, NEIGHBOURS);
    while let Some(id) = table.spare(table.peers().map(|place| place.id).collect::<Vec<_>>()) {
        assert!(table.remove(&id));
    }
    assert_eq!(table.nearest(&table.own, NEIGHBOURS), before);
    assert!((0..table.depth()).all(|bin| table.in_bin(bin) == BIN_WANTED));
}

#[test]
fn what_is_wanted_makes_the_table_complete() {
    let mut table = Table::new(Address::of(&node(0)));
    let all: Vec<_> = (0..1_000).map(node).collect();
    let connected = |table: &Table, id: &NodeId| table.peers().any(|place| place.id == *id);
    loop {
        let others = all.iter().filter(|id| !connected(&table, id)).map(|id| Place::of(*id)).collect::<Vec<_>>();
        let Some(first) = table.wanted(others).into_iter().next() else { break };
        assert!(table.add(first), "what is wanted has room");
    }
    let mut nearest: Vec<_> = all[1..].iter().copied().map(Place::of).collect();
    nearest.sort_by_key(|place| table.own.distance(&place.address));
    assert!(nearest[..NEIGHBOURS].iter().all(|place| connected(&table, &place.id)));
    assert!((0..table.depth()).all(|bin| table.in_bin(bin) >= BIN_WANTED));
    assert!(table.len() < 60, "{} peers for 1,000 nodes", table.len());
    assert_eq!(table.lookups(&Address::from_bytes([5; 32])), [table.own], "only who comes next to it");
}
