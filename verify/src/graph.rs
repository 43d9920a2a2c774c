//! Which states a run can come back to for ever (Tarjan's strongly connected components).

/// Finds states that lie on a cycle of `edges` among those in `unrest`; all are below `end`. One state
/// of each component that holds any is returned.
pub(crate) fn endless(end: u32, mut edges: Vec<(u32, u32)>, unrest: &[u32]) -> Vec<u32> {
    edges.sort_unstable();
    edges.dedup();
    let mut first = vec![0_u32; end as usize + 1];
    for (from, _) in edges.iter() {
        first[*from as usize + 1] += 1;
    }
    for i in 1..first.len() {
        first[i] += first[i - 1];
    }
    let next: Vec<u32> = edges.into_iter().map(|(_, to)| to).collect();
    let mut is_unrest = vec![false; end as usize];
    for state in unrest {
        is_unrest[*state as usize] = true;
    }
    let mut found = Vec::new();
    each_component(&first, &next, |component| {
        let own = component[0] as usize;
        let loops = || next[first[own] as usize..first[own + 1] as usize].contains(&component[0]);
        if component.len() > 1 || loops() {
            let states = component.iter().copied();
            found.extend(states.filter(|state| is_unrest[*state as usize]).min());
        }
    });
    found
}

/// Calls `see` with the strongly connected components of a graph in rows: the successors of `i` are
/// `next[first[i]..first[i + 1]]`.
fn each_component(first: &[u32], next: &[u32], mut see: impl FnMut(&[u32])) {
    const NEW: u32 = u32::MAX;
    let count = first.len().saturating_sub(1);
    let (mut number, mut low) = (vec![NEW; count], vec![0_u32; count]);
    let (mut open, mut is_open) = (Vec::new(), vec![false; count]);
    let mut counter = 0;
    for root in 0..count as u32 {
        if number[root as usize] != NEW {
            continue;
        }
        let mut path: Vec<(u32, u32)> = vec![(root, first[root as usize])];
        while let Some((at, edge)) = path.last_mut() {
            let node = *at as usize;
            if number[node] == NEW {
                (number[node], low[node]) = (counter, counter);
                counter += 1;
                open.push(*at);
                is_open[node] = true;
            }
            if *edge < first[node + 1] {
                let to = next[*edge as usize];
                *edge += 1;
                if number[to as usize] == NEW {
                    path.push((to, first[to as usize]));
                } else if is_open[to as usize] {
                    low[node] = low[node].min(number[to as usize]);
                }
                continue;
            }
            path.pop();
            if let Some((above, _)) = path.last() {
                low[*above as usize] = low[*above as usize].min(low[node]);
            }
            if low[node] == number[node] {
                let start = open.iter().rposition(|other| *other as usize == node);
                let start = start.unwrap_or_default();
                for member in &open[start..] {
                    is_open[*member as usize] = false;
                }
                see(&open[start..]);
                open.truncate(start);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_with_unrest_is_found_and_one_without_is_not() {
        let edges = vec![(1, 2), (2, 3), (3, 2), (3, 4), (4, 5), (5, 4)];
        assert_eq!(endless(10, edges.clone(), &[1, 3]), [3]);
        assert_eq!(endless(10, edges.clone(), &[1]), Vec::<u32>::new());
        assert_eq!(endless(10, edges.clone(), &[2, 3, 4]).len(), 2);
    }

    #[test]
    fn a_state_that_leads_to_itself_is_a_cycle_and_a_path_is_none() {
        assert_eq!(endless(10, vec![(7, 7)], &[7]), [7]);
        assert_eq!(
            endless(10, vec![(7, 8), (8, 9), (7, 9)], &[7, 8, 9]),
            Vec::<u32>::new()
        );
    }

    #[test]
    fn two_cycles_through_one_state_are_one_component() {
        let edges = vec![(1, 2), (2, 1), (2, 3), (3, 4), (4, 2)];
        assert_eq!(endless(10, edges.clone(), &[4]), [4]);
    }
}
