package scenario

import (
	"fmt"
	"strconv"

	"github.com/drover-project/drover/internal/model"
)

// spotSetting reads a setting about Spot; false when it is none.
func spotSetting(settings *model.Settings, key, value string) (bool, error) {
	fields := map[string]*float64{
		"spotMaxShare": &settings.SpotMaxShare, "spotTolerance": &settings.SpotTolerance, "interruptionHours": &settings.InterruptionHours,
	}
	field := fields[key]
	if field == nil {
		return false, nil
	}
	n, err := strconv.ParseFloat(value, 64)
	*field = n
	return true, err
}

func spotSettingLines(settings model.Settings) []string {
	var lines []string
	for _, each := range []struct {
		key   string
		value float64
	}{{"spotMaxShare", settings.SpotMaxShare}, {"spotTolerance", settings.SpotTolerance}, {"interruptionHours", settings.InterruptionHours}} {
		if each.value != 0 {
			lines = append(lines, "setting "+each.key+"="+number(each.value))
		}
	}
	return lines
}

// onDemandShare reads BASE/PERCENT.
func onDemandShare(pool *model.NodePool, value string) error {
	pool.OnDemand = &model.OnDemandShare{}
	_, err := fmt.Sscanf(value, "%d/%d", &pool.OnDemand.Base, &pool.OnDemand.Percentage)
	return err
}
