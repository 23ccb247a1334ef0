package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

// completeKey completes a key of the configuration as the first argument: what
// the schema has, and what is there.
func (a *app) completeKey(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	path, begun, ok := splitTyped(typed)
	if !ok {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	layers, _ := source.Layers(a.root)
	keys, more := cloudconfig.Merge(layers...).Keys(path...)
	var out []string
	goesOn := false
	for _, key := range keys {
		if !strings.HasPrefix(key, begun) {
			continue
		}
		out = append(out, cloudconfig.JoinPath(append(path, key)...))
		goesOn = goesOn || more[key]
	}
	if goesOn { // a dot may follow: the shell adds no space
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// splitTyped splits what was typed of a key into the keys that are whole and the
// beginning of the last one.
func splitTyped(typed string) (path []string, begun string, ok bool) {
	path, err := cloudconfig.SplitPath(typed)
	if err != nil {
		path, err = cloudconfig.SplitPath(typed + `"`) // a quote that is still open
	}
	switch whole, afterDot := strings.CutSuffix(typed, "."); {
	case err == nil && len(path) > 0:
		return path[:len(path)-1], path[len(path)-1], true
	case err != nil && afterDot && whole != "":
		path, err = cloudconfig.SplitPath(whole)
	}
	return path, "", err == nil
}
