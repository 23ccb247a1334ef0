package setting

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/internal/source/datasource"
)

const (
	// callLimit bounds one call home.
	callLimit = 10 * time.Second
	// firstPause is between the first two calls; it grows up to lastPause.
	firstPause, lastPause = time.Second, 30 * time.Second
	defaultTries          = 10
	hostKeyFolder         = "/var/lib/rancher/ssh"
)

// end does what is done once the machine is set up.
func (p *pass) end(ctx context.Context) {
	for _, mod := range []module{
		{name: "phone_home", apply: (*pass).phoneHome},
		{name: "final_message", apply: (*pass).finalMessage},
		{name: "power_state", apply: (*pass).powerState},
	} {
		if ctx.Err() == nil {
			p.applyOne(ctx, mod)
		}
	}
}

// phoneHome tells an address that the machine is up, once for each instance.
func (p *pass) phoneHome(ctx context.Context) {
	call := p.cfg.PhoneHome
	if call.URL == "" {
		return
	}
	if done, err := p.m.doneOnce("phone_home"); done || err != nil {
		p.fail(err, "phone_home")
		return
	}
	p.do("call "+call.URL, []string{"phone_home", "url"}, func() error {
		if err := p.callHome(ctx, call); err != nil {
			return err
		}
		return p.m.stampOnce("phone_home")
	})
}

func (p *pass) callHome(ctx context.Context, call cloudconfig.PhoneHome) error {
	facts := p.facts()
	address := strings.NewReplacer("$INSTANCE_ID", url.PathEscape(facts["instance_id"]), "${INSTANCE_ID}", url.PathEscape(facts["instance_id"])).Replace(call.URL)
	form := url.Values{}
	for key, value := range facts {
		if len(call.Post) == 0 || slices.Contains(call.Post, "all") || slices.Contains(call.Post, key) {
			form.Set(key, value)
		}
	}
	tries := call.Tries
	if tries == 0 {
		tries = defaultTries
	}
	client := datasource.Client(p.m.root, p.cfg.Rancher.Network)
	defer client.CloseIdleConnections()
	var err error
	pause := firstPause
	for n := range tries {
		if n > 0 {
			timer := time.NewTimer(pause)
			select {
			case <-ctx.Done():
				timer.Stop()
				return ctx.Err()
			case <-timer.C:
			}
			pause = min(2*pause, lastPause)
		}
		if err = post(ctx, client, address, form); err == nil {
			return nil
		}
	}
	return fmt.Errorf("cannot call home, tried %d times: %w", tries, err)
}

func post(ctx context.Context, client *http.Client, address string, form url.Values) error {
	limited, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_, rerr := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	if err := errors.Join(rerr, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("the answer is %s", resp.Status)
	}
	return nil
}

// facts are what a call home may tell.
func (p *pass) facts() map[string]string {
	meta, err := p.m.read(path.Join(source.SeedDir, "meta-data"))
	if err != nil {
		meta = ""
	}
	name, full, _ := p.names()
	if short, err := shortHostname(name); err == nil {
		name = short
	}
	facts := map[string]string{"instance_id": cloudconfig.InstanceID([]byte(meta)), "hostname": name, "fqdn": full}
	for _, kind := range []string{"rsa", "ecdsa", "ed25519"} {
		if key, err := p.m.read(path.Join(hostKeyFolder, "ssh_host_"+kind+"_key.pub")); err == nil && key != "" {
			facts["pub_key_"+kind] = strings.TrimSpace(key)
		}
	}
	return facts
}

// finalMessage logs that the machine is set up, and tells those who wait for that.
func (p *pass) finalMessage(context.Context) {
	defer func() { p.fail(p.m.finishBoot()) }()
	text := p.cfg.FinalMessage
	if text == "" {
		return
	}
	name, err := p.m.read(path.Join(source.SeedDir, "name"))
	if err != nil {
		name = ""
	}
	values := map[string]string{
		"timestamp": time.Now().UTC().Format(time.RFC1123), "uptime": strconv.FormatFloat(sinceBoot(), 'f', 2, 64),
		"datasource": strings.TrimSpace(name), "version": "ros",
	}
	var pairs []string
	for key, value := range values {
		for _, form := range []string{"$" + key, "${" + key + "}", "$" + strings.ToUpper(key), "${" + strings.ToUpper(key) + "}"} {
			pairs = append(pairs, form, value)
		}
	}
	text = strings.NewReplacer(pairs...).Replace(text)
	logrus.WithField("phase", "apply").Info(text)
	p.fail(p.m.logOutput(strings.TrimRight(text, "\n")+"\n"), "final_message")
}

// powerState ends the first boot of an instance with the machine off or
// restarted. That it begins is on the disk before it does, so that a machine
// does not restart for ever.
func (p *pass) powerState(ctx context.Context) {
	want := p.cfg.PowerState
	if want.Mode == "" {
		return
	}
	done, err := p.m.doneOnce("power_state")
	if err != nil {
		p.fail(fmt.Errorf("cannot %s: %w", want.Mode, err), "power_state")
		return
	}
	if done || !p.condition(ctx, want.Condition) {
		return
	}
	if want.Message != "" {
		logrus.WithField("phase", "apply").Info(want.Message)
		p.fail(p.m.logOutput(want.Message+"\n"), "power_state", "message")
	}
	timer := time.NewTimer(delayOf(want.Delay))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return
	case <-timer.C:
	}
	signals := map[string]unix.Signal{"poweroff": unix.SIGUSR2, "reboot": unix.SIGINT, "halt": unix.SIGUSR1}
	p.do(want.Mode, []string{"power_state"}, func() error {
		if err := p.m.stampOnce("power_state"); err != nil {
			return fmt.Errorf("cannot %s: %w", want.Mode, err)
		}
		return p.m.kernel.signal(signals[want.Mode])
	})
}

// condition is a command that must succeed; without one it holds.
func (p *pass) condition(ctx context.Context, c cloudconfig.Command) bool {
	argv := argvOf(c)
	if len(argv) == 0 {
		return true
	}
	err := p.m.runCommand(ctx, command{name: "power_state.condition", argv: argv}, limitOf(p.cfg))
	if err != nil {
		logrus.WithFields(logrus.Fields{"phase": "apply", "err": err}).Info("the condition of power_state does not hold")
	}
	return err == nil
}

// delayOf reads minutes, or now.
func delayOf(text string) time.Duration {
	n, err := strconv.Atoi(strings.TrimPrefix(text, "+"))
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(min(n, 60*24*365)) * time.Minute
}
