package picture

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/present"
)

// Measures in pixels.
const (
	width      = 1200.0
	margin     = 24.0
	gap        = 12.0
	labelRoom  = 32.0 // below each node
	legendStep = 18.0
	legendWide = 288.0
	leastSide  = 56.0
	mostSide   = 220.0
)

// mostNodes of each section are drawn: more are no picture any more.
const mostNodes = 2000

// palette are colours that differ well on white.
func palette() []string {
	return []string{
		"#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e", "#c7d66d",
		"#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#8dd3c7",
	}
}

// pale is one of many colours for workloads that the legend does not name.
func pale(i int) string {
	const goldenAngle = 137
	return fmt.Sprintf("hsl(%d 38%% 78%%)", i*goldenAngle%360)
}

const (
	greyDaemons = "#5f6570"
	greyThere   = "#c3c7cf"
)

// drawing collects the elements and how far down they reach.
type drawing struct {
	body    strings.Builder
	y       float64
	scale   float64 // pixels of a side for the square root of a unit
	colours map[string]string
}

// Write draws the result as SVG.
func Write(out io.Writer, r *present.Result) error {
	s := newScene(r)
	d := &drawing{colours: map[string]string{daemonSets: greyDaemons, alreadyThere: greyThere}, scale: scaleOf(&s), y: margin}
	names := s.legend()
	for i, name := range names {
		d.colours[name] = pale(i)
		if i < len(palette()) {
			d.colours[name] = palette()[i]
		}
	}
	d.y += 18
	d.text(margin, d.y, "title", s.title)
	d.y += 20
	d.text(margin, d.y, "small", s.subtitle+". Each node: CPU on the left, memory on the right; empty is free.")
	d.y += 18
	d.legend(&s, names)
	d.section("Nodes already there", s.existing, len(s.launched) > 0)
	d.section("Nodes to launch", s.launched, len(s.existing) > 0)
	_, err := fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" width="%g" height="%s" viewBox="0 0 %g %s" role="img" aria-label="%s">
<style>
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans KR",sans-serif;fill:#16191f}
.title{font-size:18px;font-weight:600}.head{font-size:14px;font-weight:600}.small{font-size:12px;fill:#545b64}.name{font-size:11px;font-weight:600}.tiny{font-size:10px;fill:#545b64}
.node{fill:#fff;stroke:#16191f;stroke-width:1}.pods{stroke:#fff;stroke-width:.5}
</style>
<rect width="100%%" height="100%%" fill="#fff"/>
%s</svg>
`, width, pixels(d.y+margin), width, pixels(d.y+margin), escape(s.title), d.body.String())
	return err
}

// scaleOf makes the largest node as large as allowed, and smaller when there
// are many.
func scaleOf(s *scene) float64 {
	largest, area := 0.0, 0.0
	for _, boxes := range [][]box{s.existing, s.launched} {
		for i := range boxes {
			largest = max(largest, boxes[i].units())
			area += boxes[i].units()
		}
	}
	if largest == 0 {
		return leastSide
	}
	const areaWanted = width * 900
	return min(mostSide/math.Sqrt(largest), math.Sqrt(areaWanted/area), leastSide*2)
}

func pixels(value float64) string { return fmt.Sprintf("%.1f", value) }

func escape(text string) string {
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(text)) // a strings.Builder takes everything
	return escaped.String()
}

func (d *drawing) text(x, y float64, class, text string) {
	fmt.Fprintf(&d.body, `<text x="%s" y="%s" class="%s">%s</text>`+"\n", pixels(x), pixels(y), class, escape(text))
}

func (d *drawing) legend(s *scene, names []string) {
	var entries []string
	for _, name := range []string{alreadyThere, daemonSets} {
		if s.has(name) {
			entries = append(entries, name)
		}
	}
	shown := names[:min(len(names), len(palette()))]
	entries = append(entries, shown...)
	x := margin
	put := func(colour, text string) {
		if x+legendWide > width {
			x, d.y = margin, d.y+legendStep
		}
		fmt.Fprintf(&d.body, `<rect x="%s" y="%s" width="11" height="11" fill="%s"/>`+"\n", pixels(x), pixels(d.y), colour)
		d.text(x+16, d.y+10, "small", shorten(text, 42))
		x += legendWide
	}
	for _, name := range entries {
		put(d.colours[name], name)
	}
	if more := len(names) - len(shown); more > 0 {
		put(pale(len(shown)), present.Counted(more, "other workload")+", each pale")
	}
	d.y += legendStep + 8
}

func shorten(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

// section draws boxes in rows, as many in each as fit.
func (d *drawing) section(head string, boxes []box, named bool) {
	if len(boxes) == 0 {
		return
	}
	if named {
		d.y += 14
		d.text(margin, d.y, "head", head)
		d.y += 10
	}
	more := len(boxes) - mostNodes
	boxes = boxes[:min(len(boxes), mostNodes)]
	for from := 0; from < len(boxes); {
		to, tallest := from, 0.0
		for x := margin; to < len(boxes); to++ {
			side := d.side(&boxes[to])
			if to > from && x+cell(side) > width-margin {
				break
			}
			tallest = max(tallest, side)
			x += cell(side) + gap
		}
		x := margin
		for i := from; i < to; i++ {
			side := d.side(&boxes[i])
			d.node(&boxes[i], x, d.y+tallest-side, side)
			x += cell(side) + gap
		}
		d.y += tallest + labelRoom + gap
		from = to
	}
	if more > 0 {
		d.y += 12
		d.text(margin, d.y, "head", "and "+present.Counted(more, "node")+" more")
	}
}

// cell is the width that a node takes with its label.
func cell(side float64) float64 { return max(side, 84) }

func (d *drawing) side(b *box) float64 {
	return max(math.Sqrt(b.units())*d.scale, 22)
}

// node draws a square with two columns of pods, from the bottom up.
func (d *drawing) node(b *box, x, y, side float64) {
	fmt.Fprintf(&d.body, "<g><title>%s</title>", escape(b.title))
	fmt.Fprintf(&d.body, `<rect x="%s" y="%s" width="%s" height="%s" class="node"/>`, pixels(x), pixels(y), pixels(side), pixels(side))
	d.column(b, model.CPU, x+1, y, side)
	d.column(b, model.Memory, x+side/2, y, side)
	d.body.WriteString("</g>\n")
	d.text(x, y+side+13, "name", shorten(b.name, int(cell(side)/6.2)))
	d.text(x, y+side+25, "tiny", shorten(b.detail, int(cell(side)/5.2)))
}

func (d *drawing) column(b *box, resource string, x, y, side float64) {
	room := float64(b.room[resource])
	if room <= 0 {
		return
	}
	inner := side - 2
	bottom := y + side - 1
	for _, each := range b.blocks {
		height := math.Min(float64(each.requests[resource])/room*inner, bottom-y-1)
		if height <= 0 {
			continue
		}
		bottom -= height
		fmt.Fprintf(&d.body, `<rect x="%s" y="%s" width="%s" height="%s" fill="%s" class="pods"><title>%s</title></rect>`,
			pixels(x), pixels(bottom), pixels(side/2-1), pixels(height), d.colours[each.workload], escape(tooltip(&each, b.room)))
		d.separators(x, bottom, side/2-1, height, each.pods)
	}
}

// separators show single pods where there is room for it.
func (d *drawing) separators(x, y, wide, height float64, pods int) {
	step := height / float64(pods)
	if step < 4 {
		return
	}
	for i := 1; i < pods; i++ {
		fmt.Fprintf(&d.body, `<path d="M%s %sh%s" stroke="#fff" stroke-width=".75"/>`, pixels(x), pixels(y+float64(i)*step), pixels(wide))
	}
}

func tooltip(b *block, room model.Resources) string {
	percent := func(name string) int64 {
		if room[name] == 0 {
			return 0
		}
		return b.requests[name] * 100 / room[name]
	}
	return fmt.Sprintf("%s: %s, %d%% of the CPU, %d%% of the memory", b.workload, present.Counted(b.pods, "pod"), percent(model.CPU), percent(model.Memory))
}
