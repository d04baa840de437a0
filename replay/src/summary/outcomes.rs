//! Warnings about bars without volume.

use betaflow_engine::execution::Unfilled;
use betaflow_engine::warning::Warning;

use super::Summary;

impl Summary<'_> {
    pub(super) fn warn_of_volume(&self, warnings: &mut Vec<Warning>) {
        let (execution, settings) = (self.facts.execution, &self.config.execution);
        let volumes = execution.volumes;
        let name =
            |i: Option<u32>| i.and_then(|i| self.facts.names.get(i as usize)).map_or("?", |name| &**name);
        if volumes.stale_bars > 0 {
            warnings.push(Warning::new(
                "bars_without_volume",
                format!(
                    "{} bars of {} instrument(s) have a price and volume 0, most of them of `{}`: their price is stale, and \
                     no order fills on them",
                    volumes.stale_bars,
                    volumes.stale_instruments,
                    name(volumes.stalest)
                ),
            ));
        }
        if execution.cancelled_without_volume > 0 {
            let remedy = match settings.unfilled {
                Unfilled::Cancel => "execution.unfilled = \"carry\" lets them work until the next rebalance",
                Unfilled::Carry => {
                    "the next rebalance cancelled them; sizing.rebalance_every gives them longer"
                }
            };
            warnings.push(Warning::new(
                "orders_cancelled_without_volume",
                format!(
                    "{} of {} orders met a bar with volume 0 and were cancelled; {remedy}; what they would have traded \
                     counts against the turnover cap",
                    execution.cancelled_without_volume, execution.orders
                ),
            ));
        }
        if volumes.without_volume > 0 {
            let needs = settings.has_impact() || settings.participation_cap.is_some();
            let (count, first) = (volumes.without_volume, name(volumes.first_without_volume));
            let what = format!("{count} instrument(s), such as `{first}`, never show a volume above 0");
            warnings.push(if needs {
                let text = format!(
                    "{what} and are not traded: impact and a participation cap need the volume; leave out \
                     execution.impact_coefficient, permanent_impact_coefficient and participation_cap to trade them"
                );
                Warning::new("not_tradable_without_volume", text)
            } else {
                Warning::new("no_volume_data", format!("{what}: their orders fill as without the column of volumes"))
            });
        }
    }
}
