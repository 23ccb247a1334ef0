package cli

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/servicectl"
)

func TestWhyFitsItsLine(t *testing.T) {
	port := "Error response from daemon: failed to set up container networking: driver failed programming external " +
		"connectivity on endpoint web (0123): Bind for 0.0.0.0:80 failed: port is already allocated"
	for _, tt := range []struct {
		s           servicectl.ServiceStatus
		begin, ends string
	}{
		{servicectl.ServiceStatus{Problem: port}, "Error response from daemon…", "failed: port is already allocated"},
		{servicectl.ServiceStatus{Problem: "short", Cause: "new"}, "short", "short"},
		{servicectl.ServiceStatus{Cause: "image ö:1 → ö:2, " + strings.Repeat("ä", 100)}, "image ö:1 → ö:2, ", "ä…"},
	} {
		got := why(tt.s)
		if !strings.HasPrefix(got, tt.begin) || !strings.HasSuffix(got, tt.ends) || utf8.RuneCountInString(got) > longest {
			t.Errorf("%q is told as %q", tt.s.Problem+tt.s.Cause, got)
		}
	}
}

func TestAStatusAboutNamedServices(t *testing.T) {
	st := servicectl.Status{
		Problems: cloudconfig.Report{{Msg: "service web: is ill"}, {Msg: "service webs: is ill"}, {Msg: "hostnam: unknown key"}},
		Services: []servicectl.ServiceStatus{{Name: "web"}, {Name: "webs"}},
	}
	got, err := about(st, []string{"web"})
	if err != nil || len(got.Services) != 1 || len(got.Problems) != 1 || got.Problems[0].Msg != "service web: is ill" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := about(st, nil); err != nil || len(got.Services) != 2 || len(got.Problems) != 3 || len(st.Problems) != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := about(st, []string{"nobody"}); err == nil {
		t.Error("nobody is known")
	}
}
