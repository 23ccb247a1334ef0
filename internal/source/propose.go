package source

import "github.com/ros-os/ros/cloudconfig"

// Proposal is what the machine would be if the user's cloud-config.yml were
// another text.
type Proposal struct {
	Layers []cloudconfig.Layer
	Config cloudconfig.Config
	// Report has every problem of every layer, as [Load] tells them.
	Report cloudconfig.Report
	// Own are the problems of the text by itself. With an error among them the
	// text would not be used.
	Own cloudconfig.Report
}

// Propose reads the layers below root with text in the place of the user's file,
// and treats them as [Load] does.
func Propose(root string, text []byte) Proposal {
	return propose(root, text, func(c *collector, own part, _ judged) { c.part(own) })
}

// ProposeWhole is [Propose] for a text whose mistakes do not keep the rest of it
// from being used. It finds what else is wrong with it.
func ProposeWhole(root string, text []byte) Proposal {
	return propose(root, text, func(c *collector, _ part, j judged) {
		c.report = append(c.report, j.found...)
		c.layers = append(c.layers, j.layer)
	})
}

// Below reads the layers that the user's file goes over.
func Below(root string) []cloudconfig.Layer {
	n := 0
	all, _ := layers(root, func(c *collector) { n = len(c.layers) })
	return all[:n]
}

// judged is the user's layer by itself.
type judged struct {
	layer cloudconfig.Layer
	found cloudconfig.Report
}

func propose(root string, text []byte, add func(*collector, part, judged)) Proposal {
	var p Proposal
	own := part{
		key: copyKey(CloudConfigFile), name: OwnLayer, file: CloudConfigFile, data: text, parse: cloudconfig.ParseLayer,
	}
	p.Layers, p.Report = layers(root, func(c *collector) {
		layer, found, unknown := c.judge(own.parse(own.name, own.file, own.data))
		p.Own = append(found, unknown...)
		add(c, own, judged{layer, p.Own})
	})
	p.Config, p.Report = load(p.Layers, p.Report)
	return p
}
